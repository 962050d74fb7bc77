"""The same value in another format or type is the same value: the rule of docs/values.md as a table.

Each kind of column is trained from one file. The expected payloads of Examples are written by hand, and so are the
payloads, or the error, for every other form of the same values in the files to predict.
"""

import dataclasses
import decimal
import pathlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pytest

from core import examples
from core.errors import UserError
from ingest import work_units
from ingest.sql.payloads import feature_encoding
from pipeline.config import settings
from pipeline.prediction.prediction_table import PredictionTable, Training
from pipeline.profile import resolution
from tests.conformance.values import request_forms
from tests.conformance.values.column_writers import NAME, csv, jsonl, moment, parquet, tfrecord
from tests.conformance.values.request_forms import NAN, RequestForms

pytestmark = pytest.mark.slow

Write = Callable[[pathlib.Path, Sequence[Any]], str]
DAY = 86_400_000_000
APRIL_10, JULY_1 = 1_712_707_200, 1_719_838_800  # 2024-04-10 00:00 and 2024-07-01 13:00 UTC, in seconds


@dataclasses.dataclass(frozen=True)
class Kind:
    """A column as it is trained: how it is written, its values, the payloads of these in Examples, and other forms.

    Attributes:
        write: writes the file of the training.
        values: what is in it, over and over.
        payloads: what Examples hold for `values`.
        forms: other files of the same column: name, writer, values, and payloads or the error's pattern.
        sets: settings of the configuration.
    """

    write: Write
    values: Sequence[Any]
    payloads: Sequence[Any]
    forms: Sequence[tuple[str, Write, Sequence[Any], Sequence[Any] | str]]
    sets: tuple[str, ...] = ()


def typed(write: Callable[..., str], arrow_type: pa.DataType) -> Write:
    """Returns a writer of one physical type."""
    return lambda folder, values: write(folder, values, arrow_type)


def named(write: Callable[..., str], name: str) -> Write:
    """Returns a writer under another name of the column."""
    return lambda folder, values: write(folder, values, name=name)


STRING, INT64, FLOAT32, FLOAT64 = pa.string(), pa.int64(), pa.float32(), pa.float64()
BYTES, BOOL = pa.large_binary(), pa.bool_()
DATES = [moment("2024-04-10"), moment("2024-05-01")]
DATE_PAYLOADS = [APRIL_10 * 1_000_000, (APRIL_10 + 21 * 86_400) * 1_000_000]
MOMENTS = [moment("2024-04-10"), moment("2024-07-01 13:00")]
ZONED = [moment("2024-04-10T02:00+02:00"), moment("2024-07-01T15:00+02:00")]
TEXTS = ["2024-04-10 00:00:00", "2024-07-01T13:00:00"]
ZONED_TEXTS = ["2024-04-10T02:00:00+02:00", "2024-07-01 13:00:00Z"]


def moments_in(unit: str, trained: Sequence[Any]) -> list[tuple[str, Write, Sequence[Any], Sequence[Any] | str]]:
    """Returns all forms of the two moments where whole numbers count `unit`, and the payloads are `trained`."""
    per_second = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
    numbers = {name: [APRIL_10 * per, JULY_1 * per] for name, per in per_second.items()}
    typed_moments = [
        (f"Parquet {arrow}", typed(parquet, pa.timestamp(arrow)), MOMENTS, trained) for arrow in per_second
    ]
    zoned = [
        (f"Parquet {arrow} with zone", typed(parquet, pa.timestamp(arrow, "Europe/Berlin")), ZONED, trained)
        for arrow in per_second
    ]
    right = [
        ("CSV numbers", csv, [*map(str, numbers[unit])], trained),
        ("CSV numbers with point", csv, [f"{number}.0" for number in numbers[unit]], trained),
        ("JSON numbers", jsonl, numbers[unit], trained),
        ("JSON numbers as text", jsonl, [*map(str, numbers[unit])], trained),
        ("Parquet int64", typed(parquet, INT64), numbers[unit], trained),
        ("Parquet double", typed(parquet, FLOAT64), [*map(float, numbers[unit])], trained),
        ("TFRecord int64", typed(tfrecord, INT64), numbers[unit], trained),
    ]
    wrong = [
        (f"{what} in {other}", write, numbers[other], rf"whole number of .* \({unit}\) since 1970-01-01 UTC between")
        for other in per_second
        if other != unit
        for what, write in (
            ("CSV", lambda folder, values: csv(folder, [*map(str, values)])),
            ("JSON", jsonl),
            ("Parquet", typed(parquet, INT64)),
            ("TFRecord", typed(tfrecord, INT64)),
        )
    ]
    texts = [
        ("CSV texts", csv, TEXTS, trained),
        ("CSV texts with offset", csv, ZONED_TEXTS, trained),
        ("JSON texts", jsonl, TEXTS, trained),
        ("JSON texts with offset", jsonl, ZONED_TEXTS, trained),
        ("Parquet texts", typed(parquet, STRING), ZONED_TEXTS, trained),
        ("TFRecord bytes", typed(tfrecord, BYTES), [text.encode() for text in TEXTS], trained),
        ("a day number", typed(parquet, INT64), [19_823, 19_905], rf"\({unit}\) since 1970-01-01 UTC"),
    ]
    return [*typed_moments, *zoned, *right, *wrong, *texts]


SECONDS = [APRIL_10, JULY_1]
MILLISECONDS, MICROSECONDS, NANOSECONDS = ([number * 1_000**power for number in SECONDS] for power in (1, 2, 3))
SPLIT = ("split={by: column, column: s}",)
TIME = (f"features.{NAME}=timestamp",)

KINDS: Mapping[str, Kind] = {
    "moments, CSV in ISO 8601": Kind(csv, TEXTS, MICROSECONDS, moments_in("us", MICROSECONDS)),
    "moments, CSV with offset": Kind(csv, ZONED_TEXTS, MICROSECONDS, moments_in("us", MICROSECONDS)),
    "moments, CSV in another format": Kind(
        csv,
        ["10.04.2024 00:00", "01.07.2024 13:00", "31.07.2024 13:00"],
        [*MICROSECONDS, MICROSECONDS[1] + 30 * DAY],
        moments_in("us", MICROSECONDS),
    ),
    "moments, JSON": Kind(jsonl, ZONED_TEXTS, MICROSECONDS, moments_in("us", MICROSECONDS)),
    "moments, Parquet texts": Kind(typed(parquet, STRING), TEXTS, MICROSECONDS, moments_in("us", MICROSECONDS)),
    "moments, Parquet s": Kind(
        typed(parquet, pa.timestamp("s")), MOMENTS, MICROSECONDS, moments_in("us", MICROSECONDS)
    ),
    "moments, Parquet ms": Kind(
        typed(parquet, pa.timestamp("ms")), MOMENTS, MICROSECONDS, moments_in("us", MICROSECONDS)
    ),
    "moments, Parquet us": Kind(
        typed(parquet, pa.timestamp("us")), MOMENTS, MICROSECONDS, moments_in("us", MICROSECONDS)
    ),
    "moments, Parquet ns": Kind(
        typed(parquet, pa.timestamp("ns")), MOMENTS, NANOSECONDS, moments_in("ns", NANOSECONDS)
    ),
    "moments, Parquet ns with zone": Kind(
        typed(parquet, pa.timestamp("ns", "UTC")), ZONED, NANOSECONDS, moments_in("ns", NANOSECONDS)
    ),
    "moments, Parquet with zone": Kind(
        typed(parquet, pa.timestamp("us", "UTC")), ZONED, MICROSECONDS, moments_in("us", MICROSECONDS)
    ),
    "moments, seconds": Kind(typed(parquet, INT64), SECONDS, SECONDS, moments_in("s", SECONDS), TIME),
    "moments, milliseconds in CSV": Kind(
        csv, [*map(str, MILLISECONDS)], MILLISECONDS, moments_in("ms", MILLISECONDS), TIME
    ),
    "moments, microseconds in JSON": Kind(jsonl, MICROSECONDS, MICROSECONDS, moments_in("us", MICROSECONDS), TIME),
    "moments, nanoseconds in TFRecord": Kind(
        typed(tfrecord, INT64), NANOSECONDS, NANOSECONDS, moments_in("ns", NANOSECONDS), TIME
    ),
    "dates": Kind(
        csv,
        ["2024-04-10", "2024-05-01"],
        DATE_PAYLOADS,
        [
            ("CSV with time", csv, ["2024-04-10 00:00:00", "2024-05-01T00:00:00Z"], DATE_PAYLOADS),
            ("CSV with another time", csv, ["2024-04-10 10:00:00"], "and a date"),
            ("JSON", jsonl, ["2024-04-10", "2024-05-01 00:00"], DATE_PAYLOADS),
            ("Parquet date32", typed(parquet, pa.date32()), DATES, DATE_PAYLOADS),
            ("Parquet ns", typed(parquet, pa.timestamp("ns")), DATES, DATE_PAYLOADS),
            ("Parquet text", typed(parquet, STRING), ["2024-04-10", "2024-05-01 00:00:00"], DATE_PAYLOADS),
            ("Parquet with another time", typed(parquet, pa.timestamp("us")), [MOMENTS[1]], "and a date"),
            ("TFRecord", typed(tfrecord, BYTES), [b"2024-04-10", b"2024-05-01"], DATE_PAYLOADS),
        ],
    ),
    "dates, Parquet date32": Kind(
        typed(parquet, pa.date32()),
        DATES,
        DATE_PAYLOADS,
        [
            ("CSV", csv, ["2024-04-10", "2024-05-01 00:00:00"], DATE_PAYLOADS),
            ("Parquet ms", typed(parquet, pa.timestamp("ms")), DATES, DATE_PAYLOADS),
        ],
    ),
    "whole numbers": Kind(
        csv,
        ["7", "-12", "300", "41"],
        [7, -12, 300, 41],
        [
            ("CSV with point", csv, ["7.0", "-12.", "3e2", "", "NA"], [7, -12, 300, None, None]),
            ("CSV with marks", csv, ["1,234,567", "$5"], [1_234_567, 5]),
            ("CSV, ambiguous", csv, ["1,234"], "the value '1,234', and a whole number"),
            ("CSV, not whole", csv, ["7.5"], "the value '7.5', and a whole number"),
            ("CSV booleans", csv, ["True", "false"], [1, 0]),
            ("JSON", jsonl, [7, -12.0, "300", None, "41.0"], [7, -12, 300, None, 41]),
            ("Parquet int8", typed(parquet, pa.int8()), [7, -12], [7, -12]),
            ("Parquet uint64", typed(parquet, pa.uint64()), [7, None], [7, None]),
            ("Parquet uint64, too large", typed(parquet, pa.uint64()), [2**63], "a whole number of 64 bits"),
            ("Parquet double", typed(parquet, FLOAT64), [7.0, None, float("nan")], [7, None, None]),
            ("Parquet double, not whole", typed(parquet, FLOAT64), [7.5], "the value '7.5', and a whole number"),
            ("Parquet decimal", typed(parquet, pa.decimal128(9, 2)), [7, -12], [7, -12]),
            ("Parquet boolean", typed(parquet, BOOL), [True, False], [1, 0]),
            ("Parquet text", typed(parquet, STRING), ["7", "-12.0", "NA", ""], [7, -12, None, None]),
            ("Parquet text, a word", typed(parquet, STRING), ["seven"], "the value 'seven', and a whole number"),
            ("Parquet date", typed(parquet, pa.date32()), DATES, "and a whole number"),
            ("TFRecord int64", typed(tfrecord, INT64), [7, None], [7, None]),
            ("TFRecord float", typed(tfrecord, FLOAT32), [7.0, -12.0], [7, -12]),
            ("TFRecord bytes", typed(tfrecord, BYTES), [b"7", b"-12"], [7, -12]),
            ("another case", named(csv, "X"), ["7"], [7]),
            ("another case, JSON", named(jsonl, "X"), [7], [7]),
        ],
        (f"features.{NAME}={{kind: numeric, type: int}}",),
    ),
    "numbers": Kind(
        csv,
        ["0.5", "-1.25", "1e3", "0.1"],
        [0.5, -1.25, 1000.0, 0.1],
        [
            ("CSV", csv, ["0.50", "-1.25", "1000", "nan", "+.5"], [0.5, -1.25, 1000.0, None, 0.5]),
            (
                "CSV with marks",
                csv,
                ["$1,000.00", "(1.25)", "50%", "1.000,5", "1,25"],
                [1000.0, -1.25, 0.5, 1000.5, 1.25],
            ),
            ("CSV, ambiguous", csv, ["1,234"], "the value '1,234', and a finite number"),
            ("CSV, infinite", csv, ["inf"], "the value 'inf', and a finite number"),
            ("JSON", jsonl, [0.5, "-1.25", 1000, None], [0.5, -1.25, 1000.0, None]),
            ("Parquet float", typed(parquet, FLOAT32), [0.1, None, float("nan")], [0.1, None, None]),
            ("Parquet int64", typed(parquet, INT64), [1000, 7], [1000.0, 7.0]),
            ("Parquet decimal", typed(parquet, pa.decimal128(9, 2)), [decimal.Decimal("0.5")], [0.5]),
            ("Parquet text", typed(parquet, STRING), ["0.1", "1,000.5", ""], [0.1, 1000.5, None]),
            ("Parquet boolean", typed(parquet, BOOL), [True], [1.0]),
            ("Parquet moment", typed(parquet, pa.timestamp("us")), MOMENTS, "and a finite number"),
            ("TFRecord float", typed(tfrecord, FLOAT32), [0.1], [0.1]),
            ("TFRecord int64", typed(tfrecord, INT64), [1000], [1000.0]),
            ("TFRecord bytes", typed(tfrecord, BYTES), [b"0.1"], [0.1]),
        ],
    ),
    "booleans": Kind(
        csv,
        ["true", "false"],
        [1, 0],
        [
            ("CSV digits", csv, ["1", "0", "", "1.0"], [1, 0, None, 1]),
            ("CSV words", csv, ["True", "no", "YES", "f"], [1, 0, 1, 0]),
            ("CSV, another number", csv, ["2"], "the value '2', and true or false"),
            ("JSON", jsonl, [True, 0, "yes", None], [1, 0, 1, None]),
            ("Parquet", typed(parquet, BOOL), [True, False, None], [1, 0, None]),
            ("Parquet int64", typed(parquet, INT64), [1, 0], [1, 0]),
            ("Parquet double", typed(parquet, FLOAT64), [1.0, 0.0, None], [1, 0, None]),
            ("Parquet double, another number", typed(parquet, FLOAT64), [0.5], "the value '0.5', and true or false"),
            ("Parquet text", typed(parquet, STRING), ["True", "False", None, "no"], [1, 0, None, 0]),
            ("Parquet text, a word", typed(parquet, STRING), ["maybe"], "the value 'maybe', and true or false"),
            ("TFRecord int64", typed(tfrecord, INT64), [1, 0], [1, 0]),
            ("TFRecord bytes", typed(tfrecord, BYTES), [b"true", b"0"], [1, 0]),
        ],
    ),
    "codes": Kind(
        csv,
        ["1", "2", "3", "B"],
        [b"1", b"2", b"3", b"B"],
        [
            ("CSV with point", csv, ["1.0", "2.0", "", "B"], [b"1", b"2", None, b"B"]),
            ("JSON numbers", jsonl, [1, 2.0, "3", None], [b"1", b"2", b"3", None]),
            ("Parquet double", typed(parquet, FLOAT64), [1.0, None, 3.0], [b"1", None, b"3"]),
            ("Parquet int64", typed(parquet, INT64), [1, 2], [b"1", b"2"]),
            ("Parquet text", typed(parquet, STRING), ["1.0", "2", "B"], [b"1", b"2", b"B"]),
            ("TFRecord int64", typed(tfrecord, INT64), [1, 2], [b"1", b"2"]),
            ("TFRecord float", typed(tfrecord, FLOAT32), [1.0, 2.0], [b"1", b"2"]),
            ("an unknown code stays", csv, ["4.0", "C"], [b"4.0", b"C"]),
        ],
    ),
    "codes with leading zeros": Kind(
        csv,
        ["01", "02", "10", "007"],
        [b"01", b"02", b"10", b"007"],
        [
            ("CSV digits", csv, ["1", "2.0", "10", "7"], [b"01", b"02", b"10", b"007"]),
            ("JSON numbers", jsonl, [1, 10], [b"01", b"10"]),
            ("Parquet int64", typed(parquet, INT64), [1, 7, None], [b"01", b"007", None]),
            ("Parquet double", typed(parquet, FLOAT64), [2.0, None], [b"02", None]),
        ],
    ),
    "texts that are truth values, or dates": Kind(
        typed(parquet, STRING),
        ["True", "False", "2024-04-10", "n"],
        [b"True", b"False", b"2024-04-10", b"n"],
        [
            ("CSV", csv, ["true", "FALSE", "2024-04-10 00:00:00"], [b"True", b"False", b"2024-04-10"]),
            ("JSON", jsonl, [True, False, None], [b"True", b"False", None]),
            ("Parquet", typed(parquet, BOOL), [True, False], [b"True", b"False"]),
            ("Parquet us", typed(parquet, pa.timestamp("us")), [DATES[0]], [b"2024-04-10"]),
        ],
    ),
}
# How requests have the values of these kinds, and tf.Examples; both mean the payloads.
REQUESTS: Mapping[str, RequestForms] = {
    "moments, CSV in ISO 8601": RequestForms(
        "ISO 8601", [*TEXTS, ""], [TEXTS[0].encode(), MICROSECONDS[1], None], [*MICROSECONDS, None]
    ),
    "moments, CSV with offset": RequestForms(
        "ISO 8601", [*ZONED_TEXTS, "NA"], [*(text.encode() for text in ZONED_TEXTS), b"NA"], [*MICROSECONDS, None]
    ),
    "moments, CSV in another format": RequestForms(
        "%d.%m.%Y %H:%M",
        ["10.04.2024 00:00", ZONED_TEXTS[1], f"{MICROSECONDS[0]}"],
        [b"10.04.2024 00:00", ZONED_TEXTS[1].encode(), MICROSECONDS[0]],
        [*MICROSECONDS, MICROSECONDS[0]],
    ),
    "moments, JSON": RequestForms("ISO 8601", ZONED_TEXTS, [text.encode() for text in TEXTS], MICROSECONDS),
    "moments, Parquet texts": RequestForms("ISO 8601", TEXTS, [text.encode() for text in TEXTS], MICROSECONDS),
    "moments, Parquet us": RequestForms(
        None, [*map(float, MICROSECONDS), NAN], [*MICROSECONDS, None], [*MICROSECONDS, None]
    ),
    "moments, Parquet ns": RequestForms(
        "ISO 8601",
        [TEXTS[0], f"{NANOSECONDS[1] + 1}"],
        [NANOSECONDS[0], NANOSECONDS[1] + 1],
        [NANOSECONDS[0], NANOSECONDS[1] + 1],
    ),
    "moments, seconds": RequestForms(None, [*map(float, SECONDS)], SECONDS, SECONDS),
    "moments, milliseconds in CSV": RequestForms(None, [*map(float, MILLISECONDS)], MILLISECONDS, MILLISECONDS),
    "dates": RequestForms(
        "ISO 8601", ["2024-04-10", "2024-05-01T00:00Z"], [b"2024-04-10", b"2024-05-01"], DATE_PAYLOADS
    ),
    "whole numbers": RequestForms(None, [7.0, -12.0, NAN], [7, -12, None], [7, -12, None]),
    "numbers": RequestForms(None, [0.5, 1000.0, NAN], [0.5, 1000.0, None], [0.5, 1000.0, None]),
    "booleans": RequestForms("true or false", ["true", "0", "", "Yes"], [b"true", 0, None, 1], [1, 0, None, 1]),
    "codes": RequestForms(None, ["1", "B", ""], [b"1", b"B", None], [b"1", b"B", None]),
}
FORMS = [
    pytest.param(kind, form, id=f"{kind} from {form[0]}") for kind, trained in KINDS.items() for form in trained.forms
]


@pytest.fixture(scope="module")
def trainings(tmp_path_factory) -> dict[str, tuple[resolution.Resolved, Training]]:
    """How each kind of column was trained, by the real profile of a file of 60 rows."""
    found = {}
    for kind, column in KINDS.items():
        folder = tmp_path_factory.mktemp("trained")
        file = column.write(folder, [column.values[row % len(column.values)] for row in range(60)])
        resolved = resolution.resolve(settings.load(files=file, label="y", sets=(*SPLIT, *column.sets)))
        (feature,) = resolved.spec.features
        bounds, vocabularies = {}, {}
        if feature.kind == "timestamp":
            low, high = min(column.payloads), max(column.payloads)
            years = 10 * 365 * 86_400 * {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}[feature.unit]
            bounds[NAME] = (low - years, high + years)
        if (feature.kind, feature.payload) == ("categorical", "text"):
            vocabularies[NAME] = [value.decode() for value in column.payloads]
        query = resolved.source.data.query
        found[kind] = resolved, Training(resolved.spec, resolved.source, query, bounds, vocabularies)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_examples_hold_the_payloads(trainings, tmp_path, kind):
    resolved, _ = trainings[kind]
    plan = work_units.Plan(
        resolved.source, {NAME: feature_encoding(resolved.spec.features[0])}, resolved.settings.split
    )
    for unit in work_units.divide(resolved.source, 1 << 20):
        with work_units.UnitReader(plan, unit) as reader:
            reader.write(str(tmp_path))
    splits = [
        group for name in ("train", "eval", "test") for group in examples.row_groups(str(tmp_path / f"Split-{name}"))
    ]
    held = {value for group in splits for value in _flat(examples.read(group).column(NAME))}
    assert held == set(_float32(KINDS[kind].payloads))


@pytest.mark.parametrize(("kind", "form"), FORMS)
def test_other_forms_of_a_value_are_the_same_value(trainings, tmp_path, kind, form):
    _, write, values, expected = form
    file = write(tmp_path, values)
    _, training = trainings[kind]
    if isinstance(expected, str):
        with pytest.raises(UserError) as raised:
            _predicted(training, file)
        assert re.search(expected, str(raised.value)), str(raised.value)
        assert f"'{NAME}' has the value" in str(raised.value)
    else:
        assert _predicted(training, file) == _float32(expected)


@pytest.mark.parametrize("kind", REQUESTS)
def test_requests_have_the_values_as_the_data(trainings, kind):
    resolved, training = trainings[kind]
    (feature,) = resolved.spec.features
    forms = REQUESTS[kind]
    assert feature.written == forms.written
    assert request_forms.read_request(feature, forms.requests, training.bounds) == forms.payloads
    assert request_forms.read_examples(feature, forms.examples, training.bounds) == forms.payloads


def _predicted(training: Training, file: str) -> list[Any]:
    with PredictionTable(training, [file]) as table:
        return [value for batch in table.batches() for value in _flat(batch.features.column(NAME))]


def _flat(column: pa.LargeListArray) -> list[Any]:
    return [None if value is None else value[0] for value in column.to_pylist()]


def _float32(values: Sequence[Any]) -> list[Any]:
    """Returns the values with fractions rounded as Examples hold them."""
    return [pa.array([value], pa.float32())[0].as_py() if isinstance(value, float) else value for value in values]
