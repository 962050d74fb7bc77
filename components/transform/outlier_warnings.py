"""Warns of columns in which a few values are far from all others, such as -3.4e38 for missing."""

from core.spec import Spec
from ingest.sql.connection import identifier
from models.preprocessing import feature_stats
from models.preprocessing.feature_stats import FeatureStats


def found(statistics: str, spec: Spec) -> list[str]:
    """Returns a message for each numeric feature with outliers, and for the label.

    Args:
        statistics: the path of train's `FeatureStats.pb`.
        spec: the features and the label.
    """
    kinds = {feature.name: feature.kind for feature in spec.features}
    columns = feature_stats.load(statistics, spec)
    messages = [
        f"Column `{name}` has the value {column.outlier:.6g}, far from most others. It does not count for the scale of "
        "the column. If it stands for a missing value, read it so: "
        + _query(
            f"SELECT * REPLACE (CASE WHEN {_near(name, column)} THEN {identifier(name)} END AS {identifier(name)})"
        )
        for name, column in columns.items()
        if column.outlier is not None and kinds[name] == "numeric"
    ]
    if spec.label.task == "regression":
        label = feature_stats.load_label(statistics, spec.label)
        if label.outlier is not None:
            messages.append(
                f"The label `{spec.label.name}` has the value {label.outlier:.6g}, far from most others. It does not "
                "count for the scale of the label, and such a row in test decides rmse and r2. If it is wrong, leave "
                f"it out: {_query('SELECT *', f' WHERE {_near(spec.label.name, label)}')}"
            )
    return messages


def _near(name: str, column: FeatureStats) -> str:
    """Returns the SQL condition of the values that are on the other side of half the way to the outlier."""
    assert column.outlier is not None
    median = column.median + column.offset
    half = (column.outlier + median) / 2
    return f"{identifier(name)} {'>' if column.outlier < median else '<'} {half:.6g}"


def _query(select: str, where: str = "") -> str:
    """Returns a query as a line of the configuration."""
    return "data: {query: '" + f"{select} FROM data{where}".replace("'", "''") + "'}"
