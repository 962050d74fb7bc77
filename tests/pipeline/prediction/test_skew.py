"""The comparison of rows with the statistics of a train of 40 rows, made by the project's StatisticsGen."""

import pathlib
import re
import shutil

import pytest

from core import examples
from core.errors import UserError
from core.spec import Feature, Label, Spec
from models.serving import model_versions
from pipeline.prediction import train_stats
from pipeline.prediction.skew import Skew
from tests.components import data_stages

DAY = 86_400_000_000  # microseconds
COLUMNS = {"age": "int", "town": "text", "zone": "int", "ticket": "text", "when": "int", "fare": "float", "y": "int"}
SPEC = Spec(
    Label("y", "binary", "int", ("0", "1")),
    (
        Feature("age", "numeric", "int"),
        Feature("town", "categorical", "text", vocabulary=2),
        Feature("zone", "categorical", "int", repeated=True),
        Feature("ticket", "categorical", "text"),
        Feature("when", "timestamp", "int", unit="us"),
        Feature("fare", "numeric", "float"),
    ),
)
# 2024-01-01 to 2024-02-09; the vocabulary of town holds two of its three values, so Rom is a tenth of the others.
TRAIN = {
    "age": list(range(20, 60)),
    "town": ["Bonn"] * 20 + ["Ulm"] * 16 + ["Rom"] * 4,
    "zone": [[1, 2], None, [3], [1]] * 10,
    "ticket": [f"T{number}" for number in range(40)],
    "when": [1_704_067_200_000_000 + number * DAY for number in range(40)],
    "fare": [None, 1.5, 2.5, 3.5] * 10,
    "y": [0, 1] * 20,
}


@pytest.fixture(scope="module")
def version(tmp_path_factory) -> pathlib.Path:
    """The folder of a version with the statistics of train."""
    folder = tmp_path_factory.mktemp("version")
    made = data_stages.write_examples(folder / "examples", COLUMNS, {"train": TRAIN})
    statistics = data_stages.make_statistics(made, SPEC, folder / "statistics")
    shutil.copytree(statistics.uri, folder / model_versions.STATISTICS_FOLDER)
    return folder


def _skew(version: pathlib.Path, folder: pathlib.Path, **columns: list[object]) -> Skew:
    """Returns the comparison of the rows of train, with other values of some columns."""
    features = {feature.name: feature.payload for feature in SPEC.features}
    data_stages.write_examples(folder, features, {"new": {**TRAIN, **columns}}, rows_in_file=7)
    skew = Skew(train_stats.read(version, SPEC))
    for row_group in examples.row_groups(str(folder / "Split-new")):
        skew.add(examples.read(row_group))
    return skew


def test_rows_like_those_of_train_do_not_stand_out(version, tmp_path):
    skew = _skew(version, tmp_path)
    skew.check()
    assert skew.warnings() == []
    found = skew.to_dict()
    assert found["age"] == {
        "missing": 0,
        "train_missing": 0,
        "out_of_range": 0,
        "range": [20, 59],
        "train_range": [20, 59],
    }
    assert found["town"] == {
        "missing": 0,
        "train_missing": 0,
        "unknown": 0.1,
        "expected_unknown": 0.1,
        "unknown_examples": ["Rom"],
    }
    assert found["zone"]["train_missing"] == 0.25
    assert found["ticket"]["expected_unknown"] == 1
    assert found["when"]["train_range"] == ["2024-01-01T00:00:00", "2024-02-09T00:00:00"]
    assert found["fare"]["train_range"] == [1.5, 3.5]


@pytest.mark.parametrize(
    ("column", "values", "line"),
    [
        (
            "town",
            ["Bonn "] * 20 + ["Ulm"] * 20,
            "'town' has unknown categories in 50.0% of its values, such as 'Bonn '",
        ),
        (
            "zone",
            [[7], [1, 3], None, [2]] * 10,
            "'zone' has unknown categories in 25.0% of its values, such as '7'; in",
        ),
        (
            "age",
            [20, 30, 60, 19] * 10,
            "'age' is out of range in 50.0% of its values, 19 to 60; in train 20 to 59",
        ),
        ("fare", [None, None, 1.5, 3.5] * 10, "'fare' is missing in 50.0% of the rows, in train 25.0%"),
        (
            "when",
            [value - 366 * DAY - 1 for value in TRAIN["when"][:1]] * 40,
            "'when' is out of range in 100.0% of its",
        ),
    ],
)
def test_what_stands_out_is_said_beside_what_train_had(version, tmp_path, column, values, line):
    skew = _skew(version, tmp_path, **{column: values})
    skew.check()
    (found,) = skew.warnings()
    assert found.startswith(line)


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("ticket", [f"U{number}" for number in range(40)]),  # in train, each value occurred once
        ("when", [value + 366 * DAY for value in TRAIN["when"]]),  # next year
        ("fare", [1.5] * 40),  # fewer are missing
        ("age", [60, *TRAIN["age"][1:]]),  # one value of forty
        ("town", ["Rom"] * 8 + ["Ulm"] * 32),  # a fifth in place of a tenth, within two standard errors of 40 rows
    ],
)
def test_what_is_to_be_expected_does_not_stand_out(version, tmp_path, column, values):
    assert _skew(version, tmp_path, **{column: values}).warnings() == []


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("town", ["bonn", "ulm"] * 20, r"'town': none of its 40 values is a category .*'bonn', 'ulm'; in train 'Bonn'"),
        (
            "zone",
            [[8, 9], None] * 20,
            r"'zone': none of its 40 values is a category that training had, such as '8', '9'",
        ),
        ("age", [450] * 40, r"'age': all its 40 values are far out of range, 450 to 450; in train 20 to 59"),
        (
            "when",  # seconds in place of microseconds
            [value // 1_000_000 for value in TRAIN["when"]],
            r"'when': .* far out of range, 1970-01-01T00:28:24.067200 to .*; in train 2024-01-01T00:00:00 to",
        ),
    ],
)
def test_a_wholly_unknown_column_is_an_error_unless_allowed(version, tmp_path, column, values, message):
    skew = _skew(version, tmp_path, **{column: values})
    with pytest.raises(UserError) as error:
        skew.check()
    assert re.search(message, str(error.value))
    assert str(error.value).endswith(f"add --allow-unknown {column}.")
    skew.check(accepted=[column])


def test_too_few_values_are_no_error(version, tmp_path):
    skew = _skew(version, tmp_path, town=["bonn"] * 9 + [None] * 31)
    skew.check()
    assert [line.split(" in ")[0] for line in skew.warnings()] == [
        "'town' is missing",
        "'town' has unknown categories",
    ]


def test_without_statistics_nothing_is_compared(tmp_path):
    skew = Skew(train_stats.read(tmp_path, SPEC))
    skew.check()
    assert (skew.warnings(), skew.to_dict()) == ([], {})
