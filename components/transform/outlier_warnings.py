"""Warns of columns in which a few values are far from all others, such as -3.4e38 for missing."""

import dataclasses
import shlex
from collections.abc import Mapping

import yaml

from core.spec import Spec
from core.text import listing
from ingest.sql.connection import identifier
from models.preprocessing import feature_stats
from models.preprocessing.feature_stats import FeatureStats


def find(statistics: str, spec: Spec) -> list[str]:
    """Returns a message about the numeric features with outliers, and one about a label with outliers.

    Args:
        statistics: the path of train's `FeatureStats.pb`.
        spec: the features and the label.
    """
    numeric = tuple(feature for feature in spec.features if feature.kind == "numeric" and not feature.repeated)
    columns = feature_stats.load(statistics, dataclasses.replace(spec, features=numeric))
    outliers = {name: column for name, column in columns.items() if column.outlier is not None}
    messages = [_about_features(outliers)] if outliers else []
    if spec.label.task == "regression":
        label = feature_stats.load_label(statistics, spec.label)
        if label.outlier is not None:
            condition = f"WHERE {_near(spec.label.name, label)}"
            messages.append(
                f"The label `{spec.label.name}` has the value {label.outlier:.6g}, far from most others. The scale of "
                "the label leaves such values out, but they decide rmse and r2 of a split. If it is wrong, leave it "
                f"out: {_flag(f'SELECT * FROM data {condition}')}"
            )
    return messages


def _about_features(outliers: Mapping[str, FeatureStats]) -> str:
    values = listing([f"{column.outlier:.6g} in `{name}`" for name, column in outliers.items()], 5)
    replaced = ", ".join(
        f"CASE WHEN {_near(name, column)} THEN {identifier(name)} END AS {identifier(name)}"
        for name, column in outliers.items()
    )
    return (
        f"Some values are far from most others: {values}. The scale of a column leaves such values out. If they stand "
        f"for missing values: {_flag(f'SELECT * REPLACE ({replaced}) FROM data')}"
    )


def _near(name: str, column: FeatureStats) -> str:
    """Returns the SQL condition of the values that are less than half way from the median to the outlier."""
    assert column.outlier is not None
    median = column.median + column.offset
    half = column.outlier / 2 + median / 2
    return f"{identifier(name)} {'>' if column.outlier < median else '<'} {half:.6g}"


def _flag(query: str) -> str:
    """Returns the option that sets the query, as a shell takes it."""
    value = yaml.safe_dump(query, width=1_000_000, allow_unicode=True).removesuffix("\n").removesuffix("\n...")
    return f"--set {shlex.quote(f'data.query={value}')}"
