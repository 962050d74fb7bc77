"""The columns of a request as the transform graph takes them, and what is an error."""

import math

import pytest
import tensorflow as tf

from core.spec import Feature
from models.preprocessing import raw_columns
from models.serving.requests.columns import Reader, is_text

NAN = math.nan
DAY = 86_400_000_000
APRIL_10 = 1_712_707_200_000_000  # 2024-04-10 00:00 UTC in microseconds
FEATURES = [
    Feature("at", "timestamp", "int", written="%d.%m.%Y"),
    Feature("number", "timestamp", "int"),
    Feature("flag", "categorical", "int", written="true or false"),
    Feature("count", "numeric", "int"),
    Feature("large", "numeric", "int", written="whole numbers"),
    Feature("price", "numeric", "float"),
    Feature("größe", "numeric", "int"),
    Feature("town", "categorical", "text"),
    Feature("tags", "categorical", "int", repeated=True),
]
NONE = dict.fromkeys(("at", "flag", "large", "town"), "") | dict.fromkeys(("number", "count", "price", "größe"), NAN)
NONE |= {"tags": [NAN]}
PLAUSIBLE = dict.fromkeys(("at", "number"), (APRIL_10 - 3650 * DAY, APRIL_10 + 3650 * DAY))


def _read(*rows):
    columns = {
        feature.name: tf.constant(
            [{**NONE, **row}[feature.name] for row in rows], tf.string if is_text(feature) else tf.float64
        )
        for feature in FEATURES
    }
    raw = Reader(FEATURES, PLAUSIBLE).columns(columns)
    found = raw_columns.by_name(FEATURES, raw)
    return {name: column.values.numpy().tolist() for name, column in found.items()}


def test_missing_is_nothing():
    assert _read({}) == {name: [] for name in NONE}
    assert _read({"at": "NA", "flag": "null"}) == {name: [] for name in NONE}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("at", "10.04.2024", APRIL_10),
        ("at", "2024-04-10T02:00+02:00", APRIL_10),
        ("at", " 10.04.2024 ", APRIL_10),
        ("at", str(APRIL_10), APRIL_10),
        ("at", f"{APRIL_10}.0", APRIL_10),
        ("at", "01.01.1900", -2_208_988_800_000_000),
        ("number", float(APRIL_10), APRIL_10),
        ("number", 0.0, 0),
        ("number", -2_208_988_800_000_000.0, -2_208_988_800_000_000),
        ("number", 253_402_214_400_000_000.0, 253_402_214_400_000_000),
        ("at", "0", 0),
        ("flag", "True", 1),
        ("flag", "yes", 1),
        ("flag", "0", 0),
        ("flag", "1.0", 1),
        ("count", 5.0, 5),
        ("count", -(2.0**62), -(2**62)),
        ("large", "9007199254740993", 2**53 + 1),
        ("large", "-9223372036854775807", -(2**63) + 1),
        ("large", "+0009223372036854775807.0", 2**63 - 1),
        ("price", 0.5, 0.5),
        ("town", "NA", b"NA"),
        ("tags", [7.0], 7),
    ],
)
def test_one_value(name, value, expected):
    assert _read({name: value}) == {**{other: [] for other in NONE}, name: [expected]}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        (
            "at",
            "tomorrow",
            r"Feature 'at' has the value 'tomorrow', and a moment in %d.%m.%Y, or a whole number of micro",
        ),
        ("at", "31.02.2024", "'31.02.2024'"),
        ("at", "1712707200", r"microseconds \(us\)"),
        ("number", 1_712_707_200.0, r"Feature 'number' .* a whole number of microseconds \(us\) since 1970-01-01 UTC"),
        ("number", 1_712_707_200_000.0, r"\(us\)"),
        ("number", 1_712_707_200e9, r"\(us\)"),
        ("number", 19_823.0, r"\(us\)"),
        ("flag", "2", "true or false"),
        ("large", "9223372036854775808", "Feature 'large' .* a whole number of 64 bits was expected"),
        ("large", "0x1F", "Feature 'large'"),
        ("flag", "perhaps", "Feature 'flag' has the value 'perhaps', and true or false was expected"),
        ("count", 2.5, "Feature 'count' has the value '2.5.*', and a whole number of 64 bits was expected"),
        ("count", 1e300, "Feature 'count'"),
        ("größe", 0.5, "Feature 'größe'"),
        ("tags", [0.5], "Feature 'tags'"),
    ],
)
def test_errors_name_the_feature(name, value, expected):
    with pytest.raises(tf.errors.InvalidArgumentError, match=expected):
        _read({}, {name: value})
