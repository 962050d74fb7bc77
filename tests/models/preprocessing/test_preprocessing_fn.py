import datetime
import math

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies

from core.plain_forms import plain_form
from core.spec import Feature, Input, Label, Spec
from models.preprocessing import model_inputs, packing, preprocessing_fn, raw_columns, transform_ops
from models.preprocessing.feature_stats import FeatureStats

LABEL = Label("late", "binary", "int", ("0", "1"))
DTYPES = {"int": tf.int64, "float": tf.float32, "double": tf.float64, "text": tf.string}


def sparse(rows, payload):
    """Returns a column of literal rows: None for missing, a list for several values."""
    lists = [[] if row is None else row if isinstance(row, list) else [row] for row in rows]
    indices = [(number, place) for number, row in enumerate(lists) for place in range(len(row))]
    values = tf.constant([value for row in lists for value in row], DTYPES[payload])
    shape = [len(lists), max([1, *map(len, lists)])]
    return tf.SparseTensor(np.array(indices, np.int64).reshape(-1, 2), values, shape)


def transform(features, rows, known=None):
    """Returns what preprocessing makes of some features."""
    spec = Spec(LABEL, tuple(features))
    payloads = {feature.name: feature.payload for feature in features}
    inputs = {name: sparse(values, payloads[name]) for name, values in rows.items()}
    known = {feature.name: (known or {}).get(feature.name, FeatureStats()) for feature in features}
    outputs = tf.function(lambda: preprocessing_fn.preprocess(inputs, spec, known))()
    declared = [declared_input for group in model_inputs.declare(spec, known).values() for declared_input in group]
    check_packed(spec, inputs, known, outputs, declared)
    for declared_input in declared:
        check_contract(declared_input, outputs[declared_input.name])
    assert set(outputs) == {declared_input.name for declared_input in declared}
    return {name: tensor.numpy().tolist() for name, tensor in outputs.items()}


def check_packed(spec, inputs, known, outputs, declared):
    """Checks that the graph over packed columns gives the same; it pads sequences to the longest."""
    matrices = {
        payload: raw_columns.stack([inputs[feature.name] for feature in alike], raw_columns.MISSING[payload])
        for payload, alike in raw_columns.together(spec.features).items()
    }
    repeated = [inputs[feature.name] for feature in spec.features if feature.repeated]
    found = packing.unpack(tuple(declared), preprocessing_fn.Packed(spec, known).function(matrices, repeated))
    for name, expected in outputs.items():
        tensor = found[name].numpy()
        if tensor.ndim == 2:
            assert not tensor[:, expected.shape[1] :].any()
            tensor = tensor[:, : expected.shape[1]]
        np.testing.assert_array_equal(tensor, expected.numpy())


def check_contract(declared, tensor):
    assert tensor.dtype == (tf.float32 if declared.kind == "numeric" else tf.int64)
    assert tensor.shape.rank == (2 if declared.kind == "tokens" else 1)
    if declared.kind == "numeric":
        assert np.isfinite(tensor).all()
    else:
        assert ((tensor.numpy() >= 0) & (tensor.numpy() < declared.size)).all()


def test_numbers_are_filled_with_the_median():
    known = {"fare": FeatureStats(median=2.5, missing=0.5), "age": FeatureStats(median=30)}
    outputs = transform(
        [Feature("fare", "numeric", "float"), Feature("age", "numeric", "int")],
        {"fare": [1.5, None, math.nan], "age": [20, None, 40]},
        known,
    )
    assert outputs["fare"] == [1.5, 2.5, 2.5]
    assert outputs["fare_missing"] == [0, 1, 1]
    assert outputs["age"] == [20, 30, 40]
    assert "age_missing" not in outputs, "train has no gap there"


def test_whole_numbers_are_a_category_and_an_amount():
    outputs = transform(
        [Feature("rooms", "categorical", "int", also_numeric=True), Feature("zip", "categorical", "int")],
        {"rooms": [2, 7, None], "zip": [5, 5, 5]},
        {"rooms": FeatureStats(("1", "2"), median=1.0), "zip": FeatureStats(("5",))},
    )
    assert outputs["rooms"] == [1, 2, 3], "the value of index 1, one that train does not have, none"
    assert outputs["rooms_amount"] == [2, 7, 1]
    assert outputs["zip"] == [0, 0, 0]


def test_a_moment_is_the_same_in_every_batch():
    """37 hours: vectors of 4, 8 or 16 rows leave some rows over at the end, which other instructions compute."""
    hours = [hour * 3_600 for hour in range(37)]
    known = {"t": FeatureStats(high=37 * 3_600.0, std=1.0, boundaries=(3_600.0,))}
    feature = Feature("t", "timestamp", "int", unit="s")
    forwards = transform([feature], {"t": hours}, known)
    backwards = transform([feature], {"t": hours[::-1]}, known)
    assert forwards == {name: values[::-1] for name, values in backwards.items()}


def test_infinities_are_missing_and_extremes_stay():
    largest = float(np.finfo(np.float32).max)
    outputs = transform(
        [Feature("x", "numeric", "float")],
        {"x": [math.inf, -math.inf, largest]},
        {"x": FeatureStats(median=1.0, missing=0.1)},
    )
    assert outputs["x"] == [1, 1, largest]
    assert outputs["x_missing"] == [1, 1, 0]


@pytest.mark.parametrize(
    ("payload", "values"), [("int", [1_390_000_007, 1_389_999_998]), ("double", [1.390000007e9, 1.389999998e9])]
)
def test_large_numbers_are_centred_before_float32_rounds_them(payload, values):
    """Float32 has 1,389,999,872 and 1,390,000,000 there, and nothing between them."""
    features, rows = [Feature("x", "numeric", payload)], {"x": [*values, None]}
    outputs = transform(features, rows, {"x": FeatureStats(offset=1.39e9, median=0.5, missing=0.1)})
    assert outputs["x"] == [7.0, -2.0, 0.5]


def test_a_double_beyond_float32_is_missing():
    outputs = transform([Feature("x", "numeric", "double")], {"x": [1e300, 2.5, -1e300]}, {"x": FeatureStats(median=1)})
    assert outputs["x"] == [1, 2.5, 1]


def test_moments_are_those_of_the_filled_column():
    # Of 1, 3, missing, missing with the median 1: the model sees 1, 3, 1, 1.
    known = {"x": FeatureStats(mean=2, std=1, median=1, missing=0.5)}
    (value, gap), *_ = model_inputs.declare(Spec(LABEL, (Feature("x", "numeric", "float"),)), known).values()
    assert (value.mean, value.std) == (pytest.approx(np.mean([1, 3, 1, 1])), pytest.approx(np.std([1, 3, 1, 1])))
    assert (gap.mean, gap.std) == (0.5, 0.5)


def test_categories_have_indexes_for_unknown_and_missing():
    known = {"town": FeatureStats(vocabulary=("Bern", "Rom")), "zone": FeatureStats(vocabulary=("7", "-8", "9"))}
    outputs = transform(
        [Feature("town", "categorical", "text"), Feature("zone", "categorical", "int")],
        {"town": ["Rom", "Oslo", None], "zone": [-8, None, 5]},
        known,
    )
    assert outputs["town"] == [1, 2, 3]
    assert outputs["zone"] == [1, 4, 3]


def test_values_outside_of_a_capped_vocabulary_are_hashed():
    """The hashes of Oslo, Lyon and 2 have the remainders 9, 7 and 2 by ten."""
    known = {
        "town": FeatureStats(vocabulary=("Bern", "Rom"), hash_buckets=10),
        "code": FeatureStats(vocabulary=("1", "x")),
        "tags": FeatureStats(vocabulary=("1", "x"), hash_buckets=10, longest=4),
        "zone": FeatureStats(vocabulary=("1",), hash_buckets=10),
    }
    features = [
        Feature("town", "categorical", "text"),
        Feature("zone", "categorical", "int"),
        Feature("code", "categorical", "text"),
        Feature("tags", "categorical", "text", repeated=True),
    ]
    rows = {
        "town": ["Rom", "Oslo", "Lyon", None],
        "zone": [1, 2, None, 2],
        "code": ["x", "2", "1.0", None],
        "tags": [["x", "2", "2.0"], None, ["", "1.0"], ["Oslo"]],
    }
    outputs = transform(features, rows, known)
    declared = model_inputs.declare(Spec(LABEL, tuple(features)), known)
    assert [model_input.size for (model_input,) in declared.values()] == [13, 12, 4, 13]
    assert outputs["town"] == [1, 11, 9, 12]
    assert outputs["zone"] == [0, 3, 11, 3]
    assert outputs["code"] == [1, 2, 0, 3]
    assert outputs["tags"] == [[2, 5, 5, 0], [0, 0, 0, 0], [3, 1, 0, 0], [12, 0, 0, 0]]


def test_a_whole_number_is_looked_up_in_its_own_column():
    """Keys of a column are its numbers plus an offset: a number of one that has the key of another is unknown."""
    vocabularies = {"a": ("5", "-9223372036854775807"), "b": ("9223372036854775807", "6")}
    table = transform_ops.Vocabularies(vocabularies, {"a": 1, "b": 1}, whole_numbers=True)
    of_other = 5 - transform_ops.FACTOR  # in column b, it has the key of 5 in column a
    matrix = tf.constant([[5, 6], [6, 5], [-(2**63) + 1, 2**63 - 1], [7, of_other], [raw_columns.NO_INTEGER] * 2])
    assert table.indexes(matrix, ["a", "b"]).numpy().tolist() == [[0, 1], [2, 2], [1, 0], [2, 2], [3, 3]]


def test_a_value_is_looked_up_in_its_own_column():
    known = {"a": FeatureStats(vocabulary=("x",)), "b": FeatureStats(vocabulary=("y", "x"))}
    outputs = transform(
        [Feature("a", "categorical", "text"), Feature("b", "categorical", "text")],
        {"a": ["x", "y", ""], "b": ["x", "y", "0\x1fx"]},
        known,
    )
    assert outputs["a"] == [0, 1, 2]
    assert outputs["b"] == [1, 0, 2]


def test_texts_become_hashed_words():
    outputs = transform([Feature("note", "text", "text")], {"note": ["Grüße, WORLD", "grüße world", None]})
    first, second, missing = outputs["note"]
    assert first == second
    assert len(first) == transform_ops.MAX_TOKENS
    assert np.count_nonzero(first) == 2
    assert missing == [0] * transform_ops.MAX_TOKENS
    long = transform([Feature("note", "text", "text")], {"note": ["word " * 100]})
    assert np.count_nonzero(long["note"]) == transform_ops.MAX_TOKENS


def test_hash_of_a_word_never_changes():
    assert transform([Feature("note", "text", "text")], {"note": ["word"]})["note"][0][0] == 4066


def test_moments_in_time():
    # 2024-02-29 23:30 UTC was a Thursday; 1969-12-31 was a Wednesday.
    moments = [datetime.datetime(2024, 2, 29, 23, 30), datetime.datetime(1969, 12, 31, 5)]
    seconds = [int(moment.replace(tzinfo=datetime.UTC).timestamp()) for moment in moments]
    features = [Feature("s", "timestamp", "int", unit="s"), Feature("ns", "timestamp", "int", unit="ns")]
    rows = {"s": [*seconds, None], "ns": [second * 1_000_000_000 for second in seconds] + [None]}
    outputs = transform(features, rows)
    for name in ("s", "ns"):
        assert outputs[f"{name}_hour"] == [23, 5, 24]
        assert outputs[f"{name}_weekday"] == [3, 2, 7]
        assert outputs[f"{name}_month"] == [1, 11, 12]
        assert outputs[f"{name}_hour_sin"] == pytest.approx(
            [math.sin(2 * math.pi * 23 / 24), math.sin(2 * math.pi * 5 / 24), 0], abs=1e-6
        )
        assert outputs[f"{name}_month_cos"] == pytest.approx(
            [math.cos(2 * math.pi / 12), math.cos(2 * math.pi * 11 / 12), 0], abs=1e-6
        )


@pytest.mark.parametrize(
    ("unit", "per_day"), [("s", 86_400), ("ms", 86_400_000), ("us", 86_400 * 10**6), ("ns", 86_400 * 10**9)]
)
def test_elapsed_time_in_days(unit, per_day):
    start = 19_782 * per_day  # 2024-02-29
    known = FeatureStats(offset=start, low=-10 * per_day, high=2 * per_day)
    rows = {"at": [start + per_day // 2, start - 20 * per_day, None]}
    outputs = transform([Feature("at", "timestamp", "int", unit=unit)], rows, {"at": known})
    assert outputs["at_elapsed"] == [0.5, -10.0, 0.0], "what is before the first moment of train counts as the first"


def test_elapsed_time_has_the_moments_and_quantiles_of_train():
    feature = Feature("at", "timestamp", "int", unit="s")
    moments = {"offset": 10**9, "mean": 86_400, "std": 2 * 86_400, "low": -90_000, "high": 90_000}
    column = FeatureStats(**moments, boundaries=(0.0, 43_200.0))
    (elapsed, *_), *_ = model_inputs.declare(Spec(LABEL, (feature,)), {"at": column}).values()
    assert elapsed == Input("at_elapsed", "numeric", 0, 1.0, 2.0, (0.0, 0.5), moments=(999_910_000, 1_000_090_000))


def test_dates_have_no_hour():
    features = [Feature("born", "timestamp", "int", unit="s"), Feature("at", "timestamp", "int", unit="s")]
    outputs = transform(features, {"born": [86_400], "at": [90_000]}, {"born": FeatureStats(dates=True)})
    assert {name for name in outputs if "hour" in name} == {"at_hour", "at_hour_sin", "at_hour_cos"}
    assert (outputs["born_weekday"], outputs["at_weekday"], outputs["at_hour"]) == ([4], [4], [1])


@hypothesis.given(
    strategies.lists(
        strategies.datetimes(datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31)), min_size=1, max_size=50
    )
)
@hypothesis.settings(max_examples=30)
def test_calendar_agrees_with_the_standard_library(moments):
    epoch = datetime.datetime(1970, 1, 1)
    micros = [(moment - epoch) // datetime.timedelta(microseconds=1) for moment in moments]
    parts = transform_ops.calendar(tf.constant(micros, tf.int64)[:, None], ["us"])
    assert parts["hour"][:, 0].numpy().tolist() == [moment.hour for moment in moments]
    assert parts["weekday"][:, 0].numpy().tolist() == [moment.weekday() for moment in moments]
    assert parts["month"][:, 0].numpy().tolist() == [moment.month - 1 for moment in moments]


def test_several_values_a_row():
    features = [
        Feature("tags", "categorical", "text", repeated=True),
        Feature("codes", "categorical", "int", repeated=True),
        Feature("sizes", "numeric", "float", repeated=True),
        Feature("notes", "text", "text", repeated=True),
    ]
    known = {
        "tags": FeatureStats(vocabulary=("a", "b"), longest=2),
        "codes": FeatureStats(vocabulary=("5",), longest=1),
        "sizes": FeatureStats(median=9, missing=0.3),
    }
    rows = {
        "tags": [["b", "c", "a"], ["a"], None],
        "codes": [[5], None, [6]],
        "sizes": [[1, 2, 6], [math.nan, 4], None],
        "notes": [["one two", "three"], ["one"], None],
    }
    outputs = transform(features, rows, known)
    assert outputs["tags"] == [[2, 3], [1, 0], [0, 0]], "indexes from 1, cut to the longest row of train"
    assert outputs["codes"] == [[1], [0], [2]]
    assert outputs["sizes"] == [3, 4, 9]
    assert outputs["sizes_missing"] == [0, 0, 1]
    assert [np.count_nonzero(row) for row in outputs["notes"]] == [3, 1, 0]


def test_derived_names_do_not_hide_columns():
    features = [Feature("x", "numeric", "float"), Feature("x_missing", "categorical", "text")]
    declared = model_inputs.declare(
        Spec(LABEL, tuple(features)), {"x": FeatureStats(missing=0.5), "x_missing": FeatureStats()}
    )
    assert [declared_input.name for declared_input in declared["x"]] == ["x", "x_missing_"]
    assert [declared_input.missing_of for declared_input in declared["x"]] == ["", "x"]
    assert [declared_input.name for declared_input in declared["x_missing"]] == ["x_missing"]


def test_more_columns_than_go_together():
    features = [Feature(f"n{number}", "numeric", "float") for number in range(70)]
    outputs = transform(features, {feature.name: [number, None] for number, feature in enumerate(features)})
    assert [outputs[f"n{number}"] for number in range(70)] == [[number, 0] for number in range(70)]


@pytest.mark.slow
@hypothesis.given(
    strategies.lists(strategies.one_of(strategies.none(), strategies.text(max_size=5)), min_size=1, max_size=20)
)
@hypothesis.settings(max_examples=30)
def test_any_text_has_an_index(values):
    values = [None if value is None else value.encode("utf-8", "surrogatepass") for value in values]
    features = [Feature("town", "categorical", "text"), Feature("note", "text", "text")]
    known = {"town": FeatureStats(vocabulary=("a",))}
    transform(features, {"town": values, "note": values}, known)


def test_a_category_in_another_form_is_the_only_one_that_it_means():
    vocabulary = ("01", "7", "7.0", "True", "2024-04-10", "x")
    outputs = transform(
        [Feature("code", "categorical", "text")],
        {"code": ["1", "+1.00", "7", "07", "TRUE", "2024-04-10 00:00:00", "2024-04-10T12:00:00", "X", "", None]},
        {"code": FeatureStats(vocabulary=vocabulary)},
    )
    unknown, missing = 6, 7
    assert outputs["code"] == [0, 0, 1, unknown, 3, 4, unknown, unknown, missing, missing]


def test_repeated_categories_in_another_form():
    outputs = transform(
        [Feature("codes", "categorical", "text", repeated=True)],
        {"codes": [["1.0", "x"], ["2"]]},
        {"codes": FeatureStats(vocabulary=("1", "x"), longest=2)},
    )
    assert outputs["codes"] == [[1, 2], [3, 0]]


@hypothesis.given(
    strategies.from_regex(r"[+-]?0{0,3}[0-9]{0,4}\.?[0-9]{0,3}0{0,2}|(?i:true|false)|2024-04-10.{0,10}", fullmatch=True)
    | strategies.text(strategies.characters(exclude_characters="\0", codec="utf-8"))
)
def test_the_plain_forms_of_python_and_tensorflow_are_equal(text):
    (found,) = transform_ops.plain_forms(tf.constant([text])).numpy()
    assert found.decode() == (plain_form(text) or "")
