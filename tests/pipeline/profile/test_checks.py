"""Each check on literal statistics of a table."""

import pytest

import ingest
from core.errors import UserError
from pipeline.config.settings import Settings
from pipeline.profile import checks
from pipeline.profile.checks import columns, labels, numbers, roles, splits
from pipeline.profile.column_profile import ColumnProfile
from pipeline.profile.table_inference import infer
from pipeline.profile.table_profile import TableProfile

SOURCE = ingest.Source(("t.csv",), "csv", ())
NUMBER = {"type": "DOUBLE", "distinct": 90, "low": 0.5, "high": 9.0}
CLASS = {"type": "VARCHAR", "distinct": 2, "low": "no", "high": "yes"}
YES_NO = {"no": 60, "yes": 40}


def problems(check, columns=(), rows=100, counts=(), split_counts=(), unlabelled=0, **options) -> str:
    """Returns what a check yields for a table with the number `a`, the label `y` of classes no and yes, and columns."""
    facts = {"a": NUMBER, "y": CLASS, **dict(columns)}
    profiles = {name: ColumnProfile(name, **{"rows": rows, "present": rows, **known}) for name, known in facts.items()}
    settings = Settings.model_validate({"name": "t", "data": {"files": "t.csv"}, "label": "y", **options})
    known_counts = {"y": YES_NO, **dict(counts)}
    table = TableProfile(
        "t.csv", SOURCE, rows, profiles, unlabelled, known_counts, split_counts=dict(split_counts), split=settings.split
    )
    return "\n".join(check(settings, table, infer(settings, table)))


@pytest.mark.parametrize("check", checks.CHECKS, ids=lambda check: check.__name__)
def test_a_sound_table_has_no_problem(check):
    assert problems(check) == ""


def test_the_first_problem_ends_the_run():
    settings = Settings.model_validate({"name": "t", "data": {"files": "t.csv"}, "label": "z"})
    table = TableProfile("t.csv", SOURCE, 0, {})

    with pytest.raises(UserError, match=r"t\.csv: label names the column `z`"):
        checks.run_checks(settings, table, infer(settings, table))


def test_columns_exist():
    assert "weight names the column `b`" in problems(columns.columns_exist, weight="b")
    assert "evaluate.slices names the column `b`" in problems(columns.columns_exist, evaluate={"slices": [["a", "b"]]})


def test_rows_exist():
    assert "there are no rows" in problems(columns.rows_exist, rows=0)
    assert "missing in all 7 rows" in problems(columns.rows_exist, rows=0, unlabelled=7)


def test_features_have_values():
    empty = {"b": {"type": "BIGINT", "present": 0}}
    assert "no row has a value of `b`" in problems(columns.features_have_values, empty, features={"b": "numeric"})
    assert problems(columns.features_have_values, empty) == ""


def test_numbers_fit_float32():
    large = {"b": {**NUMBER, "too_large": float("inf")}, "y": {**NUMBER, "too_large": -1e300}}
    found = problems(numbers.numbers_fit_float32, large)
    assert "`b` has the value inf, and finite numbers up to 3.4e+38 were expected" in found
    assert "`y` has the value -1e+300" in found
    assert "'data.query=SELECT * REPLACE (CASE WHEN abs(b) < 3.4e38 THEN b END AS b) FROM data'" in found


def test_label_varies():
    assert "constant: all 100 rows have 'no'" in problems(labels.label_varies, counts={"y": {"no": 100}})


def test_label_fits_task():
    assert "and task: regression needs numbers" in problems(labels.label_fits_task, task="regression")
    assert "needs classes" in problems(labels.label_fits_task, {"y": NUMBER}, task="binary")
    assert "cannot be learned: DATE is neither" in problems(labels.label_fits_task, {"y": {"type": "DATE"}})


def test_gates_fit_task():
    with pytest.raises(UserError, match=r"evaluate\.gates\.rmse"):
        problems(labels.gates_fit_task, evaluate={"gates": {"rmse": {"max": 1}}})


def test_class_weights_need_classes():
    weighted = {"train": {"class_weights": "balanced"}}
    assert problems(labels.class_weights_need_classes, **weighted) == ""
    found = problems(labels.class_weights_need_classes, {"y": NUMBER}, task="regression", **weighted)
    assert "train.class_weights is balanced, and the label `y` is a number (task: regression)." in found


def test_classes_are_named():
    assert "the class 'no' (60 rows)" in problems(labels.classes_are_named, classes=["yes", "maybe"])


def test_classes_have_rows():
    assert "'yes' (2)" in problems(labels.classes_have_rows, counts={"y": {"no": 98, "yes": 2}})
    assert "3 different values in 4 rows" in problems(
        labels.classes_have_rows, rows=4, counts={"y": {"a": 2, "b": 1, "c": 1}}
    )


def test_binary_has_two_classes():
    counts = {"y": {"a": 40, "b": 30, "c": 30}}
    assert "3 classes (a, b, c)" in problems(labels.binary_has_two_classes, counts=counts, task="binary")


@pytest.mark.parametrize(
    ("weight", "problem"),
    [
        (CLASS, "is VARCHAR"),
        ({**NUMBER, "present": 99}, "is missing in 1 of 100 rows"),
        ({**NUMBER, "low": -1.0}, "is negative in some rows, such as -1.0"),
        ({**NUMBER, "low": 0.0, "high": 0.0}, "is zero in all rows"),
    ],
)
def test_weight_is_usable(weight, problem):
    assert problem in problems(columns.weight_is_usable, {"w": weight}, weight="w")


def test_split_column_is_usable():
    split = {"by": "column", "column": "s"}
    counts = {"s": {"train": 90, "eval": 9, "tset": 1}}
    found = problems(splits.split_column_is_usable, {"s": {**CLASS, "present": 99}}, counts=counts, split=split)
    assert "`s` is missing in 1 of 100 rows" in found
    assert "holds 'tset' (1 rows). Did you mean 'test'?" in found
    assert "`s` has no row of test" in found


def test_a_split_by_time_needs_a_time():
    with pytest.raises(UserError, match="The split is by time"):
        problems(splits.split_column_is_usable, {"s": CLASS}, split={"by": "time", "column": "s"})


def test_enough_rows_to_split():
    assert "20 rows are too few for a split of 0.1: at least 30" in problems(splits.enough_rows_to_split, rows=20)
    grouped = {"by": "group", "column": "y"}
    assert "2 different values of `y` are too few" in problems(splits.enough_rows_to_split, split=grouped)


@pytest.mark.parametrize(
    ("known", "options", "problem"),
    [
        ({"type": "STRUCT(a INTEGER)"}, {"kind": "text"}, "says text, but nested values"),
        (
            NUMBER,
            {"kind": "numeric", "type": "text"},
            "numeric with type text; a numeric feature has type float or int",
        ),
        ({**CLASS, "misfit": "no"}, {"kind": "numeric"}, "needs numbers, but the column (VARCHAR) has 'no'"),
        ({**CLASS, "misfit": "no"}, {"kind": "timestamp"}, "needs dates and times"),
        ({**NUMBER, "misfit": 0.5}, {"kind": "numeric", "type": "int"}, "needs whole numbers"),
        ({"type": "DATE", "low": "2024-01-01"}, {"kind": "numeric"}, "has '2024-01-01'"),
        ({"type": "BOOLEAN", "distinct": 2}, {"kind": "timestamp"}, "has BOOLEAN"),
        (NUMBER, {"repeated": True}, "holds one value a row"),
        ({"type": "DATE", "distinct": 9}, {"kind": "timestamp", "unit": "s"}, "its unit is us"),
    ],
)
def test_roles_fit_columns(known, options, problem):
    assert problem in problems(roles.roles_fit_columns, {"b": known}, features={"b": options})


def test_texts_that_are_all_numbers_can_be_numeric():
    assert problems(roles.roles_fit_columns, {"b": CLASS}, features={"b": "numeric"}) == ""


def test_features_exist():
    assert "`a`: by the configuration" in problems(columns.features_exist, features={"a": "ignore"})


def test_splits_have_rows():
    counts = {"train": {"no": 8}, "eval": {"no": 1, "yes": 1}, "test": {}}
    found = problems(splits.splits_have_rows, split_counts=counts)
    assert "the test split has no rows (rows: 8 train, 2 eval, 0 test)" in found
    assert "the train split has no row of the class 'yes'" in found
