"""What is said of values that are far from all others, and whether the advice works when it is pasted."""

import shlex

import duckdb
import pytest

from components.transform import outlier_warnings
from core.spec import Feature, Label, Spec
from models.preprocessing import preprocessing_fn
from pipeline.config import settings
from tests.components import data_stages

COLUMNS = {'a "b"': "float", "c: #d": "float", "y": "float"}
SPEC = Spec(Label("y", "regression", "float"), tuple(Feature(name, "numeric", "float") for name in list(COLUMNS)[:2]))


@pytest.fixture(scope="module")
def messages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("outliers")
    values = [float(number % 20) for number in range(400)]
    rows = {'a "b"': [-3.4e38, *values[1:]], "c: #d": [*values[:-1], 1e30], "y": [*values[:-1], 1e7]}
    made = data_stages.write_examples(folder / "examples", COLUMNS, {"train": rows})
    statistics = data_stages.make_statistics(made, SPEC, folder / "statistics")
    return outlier_warnings.find(preprocessing_fn.statistics_path(statistics.uri), SPEC)


def query(message):
    """Returns the query of the option at the end of a message."""
    flag, option = shlex.split(message[message.index("--set") :])
    assert flag == "--set"
    loaded = settings.load(files="x.csv", label="y", sets=[option])
    return loaded.data.query


def test_features_are_named_with_their_outliers_and_a_query_that_makes_them_missing(messages):
    assert messages[0].startswith('Some values are far from most others: -3.4e+38 in `a "b"`, 1e+30 in `c: #d`.')
    data = duckdb.sql('SELECT * FROM (VALUES (-3.4e38, 3.0), (5.0, 1e30)) AS rows("a ""b""", "c: #d")')  # noqa: F841
    assert duckdb.sql(query(messages[0])).fetchall() == [(None, 3.0), (5.0, None)]


def test_the_label_is_named_with_a_query_that_leaves_the_row_out(messages):
    assert messages[1].startswith("The label `y` has the value 1e+07, far from most others.")
    data = duckdb.sql("SELECT * FROM (VALUES (1e7), (5.0)) AS rows(y)")  # noqa: F841
    assert duckdb.sql(query(messages[1])).fetchall() == [(5.0,)]
    assert len(messages) == 2


def test_plain_columns_are_not_mentioned(tmp_path):
    rows = {'a "b"': [1.0, 2.0, None], "c: #d": [0.0, 0.0, 1e30], "y": [1.0, 2.0, 3.0]}
    made = data_stages.write_examples(tmp_path / "examples", COLUMNS, {"train": rows})
    statistics = data_stages.make_statistics(made, SPEC, tmp_path / "statistics")
    assert outlier_warnings.find(preprocessing_fn.statistics_path(statistics.uri), SPEC) == []
