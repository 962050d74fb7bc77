"""Tests the role that is inferred for a column; the expected values are worked out by hand."""

import pytest

from core.config.sections import FeatureOptions
from pipeline.profile.column_profile import ColumnProfile
from pipeline.profile.role_inference import configured_role, infer_role


def profile(name: str = "x", type: str = "BIGINT", rows: int = 1000, present: int = 1000, **known) -> ColumnProfile:
    return ColumnProfile(name, type, rows, present, **known)


@pytest.mark.parametrize(
    ("column", "order", "both"),
    [
        (profile("hour", distinct=24, low=0, high=23), "ordered", True),
        (profile("hour", distinct=24, low=0, high=23), None, True),
        (profile("kind", distinct=24, low=0, high=23), "unordered", False),
        (profile("zip_code", distinct=80, low=10001, high=99950), None, False),
        (profile("flag", distinct=2, low=0, high=1), None, False),
        (profile("member", type="BOOLEAN", distinct=2, low=False, high=True), None, False),
    ],
)
def test_few_whole_numbers_are_also_an_amount_unless_the_label_rules_it_out(column, order, both):
    assert infer_role(column, order).kind == "categorical"
    assert infer_role(column, order).also_numeric is both


@pytest.mark.parametrize(
    ("options", "both"),
    [
        ({}, True),
        ({"kind": "categorical"}, False),
        ({"kind": "categorical", "also_numeric": True}, True),
        ({"also_numeric": False}, False),
    ],
)
def test_the_configuration_says_whether_a_category_is_also_an_amount(options, both):
    found = configured_role(profile("hour", distinct=24, low=0, high=23), FeatureOptions(**options))
    assert (found.kind, found.also_numeric) == ("categorical", both)


@pytest.mark.parametrize(
    ("column", "kind", "payload"),
    [
        (profile("hour", distinct=24, low=0, high=23), "categorical", "int"),
        (profile("flag", distinct=2, low=0, high=1), "categorical", "int"),
        (profile("seats", distinct=30, low=2, high=450), "numeric", "int"),  # too sparse for codes
        (profile("age", distinct=70, low=17, high=90), "numeric", "int"),
        (profile("rare", rows=60, present=60, distinct=5, low=1, high=5), "numeric", "int"),  # 12 rows a value
        (profile("zip_code", distinct=80, low=10001, high=99950), "categorical", "int"),
        (profile("tract", distinct=90, low=17031010100, high=17031980100), "categorical", "int"),
        (
            profile("serial", distinct=90, low=17031010100, high=17031980100),
            "categorical",
            "int",
        ),  # too long for amounts
        (profile("price", type="DOUBLE", distinct=900, low=0.5, high=9.0), "numeric", "float"),
        (profile("price", type="DECIMAL(9,2)", distinct=900, low=0.5, high=9.0), "numeric", "float"),
        (profile("rating", type="DOUBLE", distinct=5, low=1.0, high=5.0, whole=True), "numeric", "float"),
        (profile("member", type="BOOLEAN", distinct=2, low=False, high=True), "categorical", "int"),
        (profile("color", type="VARCHAR", distinct=7, low="a", high="z", words=1.2), "categorical", "text"),
        (profile("company", type="VARCHAR", distinct=60, low="a", high="z", words=3.5), "categorical", "text"),
        (profile("review", type="VARCHAR", distinct=990, low="a", high="z", words=12.0), "text", "text"),
        (profile("notes", type="VARCHAR", distinct=300, low="a", high="z", words=9.0), "text", "text"),
        (profile("key", type="VARCHAR", distinct=1000, unique=True, low="a", high="z", words=1.0), "ignore", "text"),
        (profile("almost", type="VARCHAR", distinct=960, low="a", high="z", words=1.0), "ignore", "text"),
        (profile("user", type="UUID", distinct=400, low="0", high="f", words=1.0), "categorical", "text"),
        (profile("user_id", distinct=1000, unique=True, low=7, high=10**9), "ignore", "int"),
        (profile("order", distinct=1000, unique=True, low=1, high=1000), "ignore", "int"),  # a row number
        (profile("rest", present=950, distinct=950, unique=True, low=1, high=1000), "ignore", "int"),  # of row numbers
        (profile("income", distinct=1000, unique=True, low=7, high=10**9), "numeric", "int"),
        (profile("year", distinct=1, low=2013, high=2013), "ignore", "int"),
        (profile("mostly", present=998, distinct=1, low=5, high=5), "ignore", "int"),
        (profile("promo", type="VARCHAR", present=200, distinct=1, low="Y", high="Y"), "categorical", "text"),
        (profile("big", type="HUGEINT", distinct=500, low=0, high=2**70), "categorical", "text"),
        (
            profile("when", type="VARCHAR", distinct=900, dates=True, low="2024-01-01", high="2024-12-31"),
            "timestamp",
            "int",
        ),
        (profile("tags", type="VARCHAR[]"), "categorical", "text"),
        (profile("vector", type="FLOAT[3]"), "numeric", "float"),
        (profile("clicked", type="BIGINT[]"), "categorical", "int"),
        (profile("place", type="STRUCT(lat DOUBLE)"), "ignore", "text"),
        (profile("photo", type="BLOB"), "ignore", "text"),
        (profile("at", type="TIME"), "ignore", "text"),
    ],
    ids=lambda value: value.name if isinstance(value, ColumnProfile) else "",
)
def test_role(column, kind, payload):
    found = infer_role(column)

    assert (found.kind, found.payload) == (kind, payload)
    assert found.reason
    assert found.repeated == column.type.endswith("]")


@pytest.mark.parametrize(
    ("column", "unit"),
    [
        (profile("created_at", low=1_356_998_400, high=1_388_534_400, distinct=900), "s"),
        (profile("ts", low=1_356_998_400_000, high=1_388_534_400_000, distinct=900), "ms"),
        (profile("eventTime", low=1_356_998_400_000_000, high=1_388_534_400_000_000, distinct=900), "us"),
        (profile("event_time", low=1_356_998_400 * 10**9, high=1_388_534_400 * 10**9, distinct=900), "ns"),
        (profile("day", type="DATE", low="2013-01-01", high="2013-12-31", distinct=365), "us"),
        (profile("when", type="TIMESTAMP_NS", low="2013-01-01", high="2013-12-31", distinct=365), "ns"),
    ],
)
def test_timestamps_say_their_unit(column, unit):
    found = infer_role(column)

    assert (found.kind, found.payload, found.unit) == ("timestamp", "int", unit)


@pytest.mark.parametrize(
    "column",
    [
        profile("amount", low=1_356_998_400, high=1_388_534_400, distinct=900),  # the range, but not the name
        profile("sched_dep_time", low=500, high=2359, distinct=900),  # the name, but not the range
    ],
)
def test_numbers_that_are_no_timestamps(column):
    assert infer_role(column).kind == "numeric"
