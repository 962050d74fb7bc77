"""Tests roles, tasks and early errors of tiny tables; the expected values are worked out by hand."""

import datetime
import random
import shlex
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import ingest
from core.errors import UserError
from core.spec import Feature, Label
from pipeline.config import settings
from pipeline.profile import resolution

ROWS = 60
NUMBERS = [f"{random.Random(row).random():.4f}" for row in range(ROWS)]
SPLITS = [("train", "eval", "test")[row // 5 % 3] for row in range(ROWS)]
YES_NO = ["yes" if row % 3 else "no" for row in range(ROWS)]


def table(**columns) -> str:
    """Returns CSV text."""
    lines = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    return "\n".join(lines) + "\n"


@pytest.fixture
def resolve(tmp_path: Path):
    def resolve(text: str, label: str = "y", sets: tuple[str, ...] = ()) -> resolution.Resolved:
        path = tmp_path / "table.csv"
        path.write_text(text, encoding="utf-8")
        return resolution.resolve(settings.load(files=str(path), label=label, sets=sets))

    return resolve


@pytest.fixture
def complaint(resolve, tmp_path):
    def complaint(text: str, label: str = "y", sets: tuple[str, ...] = ()) -> str:
        with pytest.raises(UserError) as raised:
            resolve(text, label, sets)
        return str(raised.value).replace(str(tmp_path), "")

    return complaint


def test_everything_is_spelled_out(resolve):
    resolved = resolve(table(a=NUMBERS, row=range(ROWS), c=["x", "", "z", ""] * 15, y=YES_NO))

    assert resolved.spec.label == Label("y", "binary", "text", ("no", "yes"))
    assert resolved.spec.features == (Feature("a", "numeric", "float"), Feature("c", "categorical", "text"))
    assert (resolved.settings.task, resolved.settings.classes) == ("binary", ("no", "yes"))
    assert {column: options.kind for column, options in resolved.settings.features.items()} == {
        "a": "numeric",
        "row": "ignore",
        "c": "categorical",
    }
    assert "identifier" in resolved.reasons["row"]
    assert resolved.warnings == ()


def test_a_resolved_configuration_resolves_to_itself(resolve, tmp_path):
    resolved = resolve(
        table(a=NUMBERS, row=range(ROWS), when=[f"2024-01-{row % 28 + 1:02}" for row in range(ROWS)], y=YES_NO),
        sets=("features.a.buckets=8", "weight=row"),
    )
    settings.write(resolved.settings, tmp_path / "config.yaml")

    again = resolution.resolve(settings.load(tmp_path / "config.yaml"))

    assert (again.settings, again.spec, again.source) == (resolved.settings, resolved.spec, resolved.source)


@pytest.mark.parametrize(
    ("values", "task", "payload", "classes"),
    [
        (["true", "false"] * 30, "binary", "int", ("0", "1")),
        ([0, 1] * 30, "binary", "int", ("0", "1")),
        ([10, 9, 11] * 20, "multiclass", "int", ("9", "10", "11")),
        (["1.0", "2.0", "3.0"] * 20, "multiclass", "int", ("1", "2", "3")),
        (["c", "a", "b"] * 20, "multiclass", "text", ("a", "b", "c")),
        (NUMBERS, "regression", "float", ()),
        (range(100, 160), "regression", "float", ()),
    ],
)
def test_task_and_classes(resolve, values, task, payload, classes):
    resolved = resolve(table(a=reversed(NUMBERS), y=values))

    assert resolved.spec.label == Label("y", task, payload, classes)


def test_the_configuration_overrides(resolve):
    text = table(hour=[row % 24 for row in range(ROWS)], zip=["01234", "04321"] * 30, n=[7, 8, 9] * 20, y=YES_NO)

    resolved = resolve(
        text,
        sets=(
            "features.hour={kind: categorical, vocabulary: 12}",
            "features.n={kind: categorical, type: text}",
            "classes=[yes, no]",
        ),
    )

    assert resolved.spec.features == (
        Feature("hour", "categorical", "int", vocabulary=12),
        Feature("zip", "categorical", "text"),
        Feature("n", "categorical", "text"),
    )
    assert resolved.spec.label.classes == ("yes", "no")


def test_rows_without_a_label_are_left_out(resolve):
    resolved = resolve(table(a=NUMBERS, y=["" if row < 6 else YES_NO[row] for row in range(ROWS)]))

    assert resolved.warnings == ("6 of 60 rows have no label and are left out.",)
    assert ingest.relation(ingest.connect(), resolved.source).aggregate("count(*)").fetchall() == [(54,)]


def test_rows_without_a_label_are_left_out_of_a_query(resolve):
    query = "SELECT a, nullif(y, 'no') AS y, a AS b FROM data; -- 'no' is what we do not want"
    text = table(a=NUMBERS, y=["maybe" if row % 5 == 0 else YES_NO[row] for row in range(ROWS)])

    resolved = resolve(text, sets=(f"data.query={query!r}",))

    assert resolved.spec.label.classes == ("maybe", "yes")
    assert resolved.warnings == ("16 of 60 rows have no label and are left out.",)
    assert ingest.relation(ingest.connect(), resolved.source).aggregate("count(*)").fetchall() == [(44,)]


def test_words_that_may_mean_missing_are_told(resolve):
    text = table(a=NUMBERS, sex=["m", "?", "f", "m"] * 15, country=["NA", "FR"] * 30, y=YES_NO)

    (warning,) = resolve(text).warnings
    _, flag = shlex.split(warning[warning.index("--set") :])
    resolved = resolve(text, sets=(flag,))
    one = resolve(text, sets=('data.csv.nulls={sex: ["?"]}',))

    assert "'?' in `sex`, 'NA' in `country`" in warning
    assert resolved.warnings == ()
    assert "2 different texts" in resolved.reasons["sex"]
    assert "1 different texts" in resolved.reasons["country"] or "constant" in resolved.reasons["country"]
    assert "2 different texts" in one.reasons["country"]


def test_leaks_are_warned_of_and_kept(resolve):
    resolved = resolve(table(a=NUMBERS, copy=[f"{value}!" for value in YES_NO], y=YES_NO))

    (warning,) = resolved.warnings
    assert "`copy` may give away the label `y`" in warning
    assert "--set features.copy=ignore" in warning
    assert [feature.name for feature in resolved.spec.features] == ["a", "copy"]


def test_split_weight_and_group_are_no_features(resolve):
    text = table(
        a=NUMBERS,
        s=SPLITS,
        w=[row % 7 for row in range(ROWS)],
        g=[row // 2 for row in range(ROWS)],
        y=YES_NO,
    )

    resolved = resolve(text, sets=("split={by: column, column: s}", "weight=w", "features.g=ignore"))
    grouped = resolve(text, sets=("split={by: group, column: g}", "features.s=ignore"))

    assert [feature.name for feature in resolved.spec.features] == ["a"]
    assert resolved.spec.weight == "w"
    assert [feature.name for feature in grouped.spec.features] == ["a", "w"]


def test_a_column_of_splits_speaks_for_itself(resolve):
    text = table(a=NUMBERS, s=SPLITS, y=YES_NO)

    resolved = resolve(text)

    assert (resolved.settings.split.by, resolved.settings.split.column) == ("column", "s")
    assert resolve(text, sets=("split.by=hash",)).settings.split.by == "hash"


def test_types_of_parquet(tmp_path):
    day = datetime.date(2024, 1, 1)
    columns = {
        "i": pa.array(range(ROWS), pa.int32()),
        "f": pa.array([row / 7 for row in range(ROWS)], pa.float32()),
        "b": pa.array([row % 2 == 0 for row in range(ROWS)]),
        "d": pa.array([day + datetime.timedelta(days=row % 9) for row in range(ROWS)]),
        "t": pa.array([1_700_000_000_000_000 + row % 9 for row in range(ROWS)], pa.timestamp("us", tz="UTC")),
        "s": pa.array([f"2024-01-{row % 28 + 1:02}T10:00:00" for row in range(ROWS)]),
        "l": pa.array([["a", "b"][: row % 3] for row in range(ROWS)]),
        "n": pa.array([{"x": row} for row in range(ROWS)]),
        "big": pa.array([2**60 + row % 3 for row in range(ROWS)]),
        "y": pa.array(YES_NO),
    }
    pq.write_table(pa.table(columns), tmp_path / "table.parquet")

    resolved = resolution.resolve(
        settings.load(files=str(tmp_path / "table.parquet"), label="y", sets=["features.i=numeric"])
    )

    assert resolved.spec.features == (
        Feature("i", "numeric", "int"),
        Feature("f", "numeric", "float"),
        Feature("b", "categorical", "int"),
        Feature("d", "timestamp", "int", unit="us"),
        Feature("t", "timestamp", "int", unit="us"),
        Feature("s", "timestamp", "int", unit="us", written="ISO 8601"),
        Feature("l", "categorical", "text", repeated=True),
        Feature("big", "categorical", "text"),
    )
    assert "nested" in resolved.reasons["n"]


def test_any_column_name(resolve):
    names = ["a b", 'say "x"', "it's", "select", "data", "label", "prediction", "ü ☃", "%s", "{x}", "c.d", "e=f", "#"]
    header = ",".join('"' + name.replace('"', '""') + '"' for name in names)
    rows = "".join(
        f"{','.join([number] * len(names))},{answer}\n" for number, answer in zip(NUMBERS, YES_NO, strict=True)
    )

    resolved = resolve(f"{header},y\n{rows}")

    assert resolved.spec.features == tuple(Feature(name, "numeric", "float") for name in names)


@pytest.mark.parametrize(
    ("columns", "sets", "parts"),
    [
        ({"y": [3] * ROWS}, (), ["/table.csv: the label `y` is constant", "3"]),
        ({"y": [""] * ROWS}, (), ["the label `y` is missing in all 60 rows"]),
        ({"Yes": YES_NO}, (), ["label names the column `y`", "Its columns: a, Yes"]),
        ({"y": ["rare", *YES_NO[1:]]}, (), ["the label `y` has classes with fewer than 3 rows: 'rare' (1)"]),
        ({"y": [f"q{row}" for row in range(ROWS)]}, (), ["60 different values in 60 rows"]),
        ({"y": YES_NO}, ("task=regression",), ["holds values such as 'yes'", "needs numbers"]),
        ({"y": NUMBERS}, ("task=multiclass",), ["60 different values", "needs classes"]),
        ({"y": [0, 1, 2] * 20}, ("task=binary",), ["3 classes (0, 1, 2)", "task: binary"]),
        ({"y": YES_NO}, ("classes=[no, yess]",), ["'yes' (40 rows)", "Did you mean 'yess'?"]),
        ({"y": YES_NO}, ("features.aa=numeric",), ["features names the column `aa`", "Did you mean 'a'?"]),
        (
            {"b c": [""] * ROWS, "y": YES_NO},
            ("features.b c=numeric",),
            ["no row has a value of `b c`", "--set 'features.b c=ignore'"],
        ),
        ({"w": range(-1, 59), "y": YES_NO}, ("weight=w",), ["the weight `w` is negative in some rows, such as -1"]),
        ({"w": [0] * ROWS, "y": YES_NO}, ("weight=w",), ["the weight `w` is zero in all rows"]),
        ({"w": ["", *[1] * 59], "y": YES_NO}, ("weight=w",), ["the weight `w` is missing in 1 of 60 rows"]),
        ({"w": YES_NO, "y": YES_NO}, ("weight=w",), ["the weight `w` is VARCHAR", "a number was expected"]),
        ({"y": YES_NO}, ("weight=ww",), ["weight names the column `ww`"]),
        ({"y": YES_NO}, ("split={by: time, column: when}",), ["split.column names the column `when`"]),
        (
            {"s": ["train", "eval", "tset"] * 20, "y": YES_NO},
            ("split={by: column, column: s}",),
            ["holds 'tset' (20 rows)", "Did you mean 'test'?"],
        ),
        (
            {"s": ["train", "eval"] * 30, "y": YES_NO},
            ("split={by: column, column: s}",),
            ["`s` has no row of test"],
        ),
        (
            {"s": ["", *["train", "eval", "test"] * 19, "eval", "test"], "y": YES_NO},
            ("split={by: column, column: s}",),
            ["`s` is missing in 1 of 60 rows"],
        ),
        ({"g": [1, 2] * 30, "y": YES_NO}, ("split={by: group, column: g}",), ["2 different values of `g` are too few"]),
        ({"y": YES_NO}, ("evaluate.slices=[[b]]",), ["evaluate.slices names the column `b`"]),
        (
            {"y": YES_NO},
            ("evaluate.gates.rmse.max=1",),
            ["evaluate.gates.rmse: there is no metric of a binary task", "auc"],
        ),
        ({"y": YES_NO}, ("validate.drift.features.b=0.1",), ["validate.drift.features names the column `b`"]),
        ({"y": YES_NO}, ("features.a=ignore",), ["no column is left", "`a`: by the configuration"]),
        ({"c": YES_NO, "y": YES_NO}, ("features.c=numeric",), ["`features.c` says numeric", "has 'no'"]),
        ({"c": YES_NO, "y": YES_NO}, ("features.c=timestamp",), ["`features.c` says timestamp", "needs dates"]),
        ({"y": YES_NO}, ("features.a={kind: numeric, type: int}",), ["needs whole numbers", "(DOUBLE)"]),
        ({"y": YES_NO}, ("features.a={kind: numeric, type: text}",), ["numeric with type text", "float or int"]),
        ({"y": YES_NO}, ("features.a.repeated=true",), ["repeated: true", "one value a row"]),
        ({"y": YES_NO}, ("data.query=SELECT a FROM data",), ["`y`, which is not in the query's result"]),
        ({"y": YES_NO}, ("data.query=SELECT * FROM data WHERE a > 5",), ["the query gives no rows"]),
        ({"y": YES_NO}, ("data.query=SELECT b, y FROM data",), ["query fails", '"b" not found']),
    ],
)
def test_errors_before_anything_slow(complaint, columns, sets, parts):
    found = complaint(table(a=NUMBERS, **columns), sets=sets)

    for part in parts:
        assert part in found
    assert "Traceback" not in found


def test_too_few_rows_for_the_split(complaint, resolve):
    text = table(a=NUMBERS[:20], y=YES_NO[:20])

    assert "20 rows are too few for a split of 0.1: at least 30 were expected" in complaint(text)
    assert resolve(text, sets=("split.fractions={train: 0.6, eval: 0.2, test: 0.2}",)).spec.features


def test_every_split_needs_rows_of_every_class(resolve, complaint):
    rows = range(ROWS)
    split = ["test" if row < 9 else "eval" if row < 18 else "train" for row in rows]
    by_column = ("split={by: column, column: s}",)

    early = table(a=NUMBERS, s=split, y=["yes" if row < 18 else "no" for row in rows])
    found = complaint(early, sets=by_column)
    assert "the train split has no row of the class 'yes' (rows: 42 train, 9 eval, 9 test)" in found

    late = table(a=NUMBERS, s=split, y=["no" if row < 9 or row % 3 else "yes" for row in rows])
    warnings = resolve(late, sets=by_column).warnings
    assert warnings[0].startswith("The test split has no row of the class 'yes'")

    same = table(a=[1, 2] * 30, y=[1, 2] * 30)
    assert "split has no rows (rows: " in complaint(same)


def test_a_later_span_keeps_its_roles(resolve, tmp_path):
    first = resolve(table(a=NUMBERS, n=[row % 50 for row in range(ROWS)], c=["a", "b", "c"] * 20, y=YES_NO))
    settings.write(first.settings, tmp_path / "config.yaml")

    def later(text: str) -> resolution.Resolved:
        (tmp_path / "table.csv").write_text(text)
        return resolution.resolve(settings.load(tmp_path / "config.yaml"))

    few = later(table(a=NUMBERS, n=[1, 2, 2, 1, 1, 2] * 10, c=["a", "b", "b", "b", "a"] * 12, y=YES_NO))
    assert few.spec == first.spec  # two values would be categorical now

    wider = later(table(a=NUMBERS, n=[row % 50 for row in range(ROWS)], c=["a", "b", "c"] * 20, new=NUMBERS, y=YES_NO))
    assert wider.spec == first.spec
    assert "new" in wider.reasons["new"]
    assert any("`new`" in warning for warning in wider.warnings)

    digits = later(table(a=NUMBERS, n=[row % 50 for row in range(ROWS)], c=[1, 2, 3] * 20, y=YES_NO))
    assert digits.spec == first.spec

    with pytest.raises(UserError, match=r"`features.n` says numeric, which needs whole numbers"):
        later(table(a=NUMBERS, n=NUMBERS, c=["a", "b", "c"] * 20, y=YES_NO))
    with pytest.raises(UserError, match=r"features names the column `c`, which is not in the table"):
        later(table(a=NUMBERS, n=[row % 50 for row in range(ROWS)], y=YES_NO))
    with pytest.raises(UserError, match=r"has the class 'maybe' \(30 rows\), which the configuration's classes"):
        later(table(a=NUMBERS, n=[row % 50 for row in range(ROWS)], c=["a", "b", "c"] * 20, y=["maybe", "no"] * 30))


def test_numbers_that_float32_would_round_are_held_as_float64(resolve):
    large = [f"{1_390_000_000 + 60 * float(number):.3f}" for number in NUMBERS]
    label = [f"{1_700_000_000 + 3 * float(number):.3f}" for number in NUMBERS]
    text = table(large=large, small=NUMBERS, whole=[1_390_000_000 + row for row in range(ROWS)], y=label)
    resolved = resolve(text, sets=("features.whole=numeric",))

    assert {feature.name: feature.payload for feature in resolved.spec.features} == {
        "large": "double",
        "small": "float",
        "whole": "int",
    }
    assert resolved.spec.label == Label("y", "regression", "double")
    assert resolve(text, sets=("features.large.type=float",)).spec.features[0].payload == "float"


def test_a_split_by_time_says_that_a_trend_ends_with_train(resolve):
    days = [f"2024-{1 + row // 28:02d}-{1 + row % 28:02d}" for row in range(ROWS)]
    by_time = ("split={by: time, column: day}",)
    warned = [
        warning
        for warning in resolve(table(day=days, a=NUMBERS, y=YES_NO), sets=by_time).warnings
        if "trend" in warning
    ]
    assert len(warned) == 1
    assert warned[0].startswith("The split is by time, and `day` is also a feature")
    assert warned[0].endswith("--set features.day=ignore")
    assert not [warning for warning in resolve(table(day=days, a=NUMBERS, y=YES_NO)).warnings if "trend" in warning]


cells = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.integers(),
    st.floats(),
    st.dates().map(str),
    st.sampled_from(["", "NA", "x", "1,5", "01234", "2024-01-31T10:00:00Z", "inf", "nan"]),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8),
)


@pytest.mark.slow
@given(data=st.data())
@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_small_table_is_resolved_or_refused_cleanly(data, tmp_path):
    import csv

    width, length = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 80))
    palettes = [data.draw(st.lists(cells, min_size=1, max_size=6)) for _ in range(width)]
    path = tmp_path / "table.csv"
    with open(path, "w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["y", *(f"c{index}" for index in range(1, width))])
        writer.writerows([palette[row % len(palette)] for palette in palettes] for row in range(length))

    try:
        resolved, refused = resolution.resolve(settings.load(files=str(path), label="y")), None
    except UserError as error:
        resolved, refused = None, str(error)

    if resolved is None:
        assert str(path) in str(refused)
        return
    settings.write(resolved.settings, tmp_path / "config.yaml")
    again = resolution.resolve(settings.load(tmp_path / "config.yaml"))
    assert (again.settings, again.spec) == (resolved.settings, resolved.spec)
