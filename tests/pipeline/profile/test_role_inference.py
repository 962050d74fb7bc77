"""What role fits what a column looks like, worked out by hand."""

import pytest

from pipeline.profile.label_inference import guess_task
from pipeline.profile.role_inference import Facts, guess, type_class


def facts(name: str = "x", type: str = "BIGINT", rows: int = 1000, present: int = 1000, **known) -> Facts:
    return Facts(name, type, rows, present, **known)


@pytest.mark.parametrize(
    ("duckdb_type", "expected"),
    [
        ("BIGINT", "integer"),
        ("UHUGEINT", "integer"),
        ("DECIMAL(18,3)", "float"),
        ("FLOAT", "float"),
        ("BOOLEAN", "boolean"),
        ("TIMESTAMP WITH TIME ZONE", "timestamp"),
        ("TIMESTAMP_NS", "timestamp"),
        ("DATE", "timestamp"),
        ("TIME", "time"),
        ("UUID", "text"),
        ("ENUM('a', 'b[]')", "text"),
        ("DOUBLE[]", "list"),
        ("INTEGER[3]", "list"),
        ("INTEGER[][]", "nested"),
        ("STRUCT(a INTEGER)", "nested"),
        ("STRUCT(a INTEGER)[]", "nested"),
        ("MAP(VARCHAR, INTEGER)", "nested"),
        ("BLOB", "binary"),
        ("JSON", "nested"),
        ("INTERVAL", "nested"),
    ],
)
def test_type_class(duckdb_type, expected):
    assert type_class(duckdb_type) == expected


@pytest.mark.parametrize(
    ("column", "kind", "payload"),
    [
        (facts("hour", distinct=24, low=0, high=23), "categorical", "int"),
        (facts("flag", distinct=2, low=0, high=1), "categorical", "int"),
        (facts("seats", distinct=30, low=2, high=450), "numeric", "int"),  # too sparse for codes
        (facts("age", distinct=70, low=17, high=90), "numeric", "int"),
        (facts("rare", rows=60, present=60, distinct=5, low=1, high=5), "numeric", "int"),  # 12 rows a value
        (facts("zip_code", distinct=80, low=10001, high=99950), "categorical", "int"),
        (facts("tract", distinct=90, low=17031010100, high=17031980100), "categorical", "int"),
        (facts("serial", distinct=90, low=17031010100, high=17031980100), "categorical", "int"),  # too long for amounts
        (facts("price", type="DOUBLE", distinct=900, low=0.5, high=9.0), "numeric", "float"),
        (facts("price", type="DECIMAL(9,2)", distinct=900, low=0.5, high=9.0), "numeric", "float"),
        (facts("rating", type="DOUBLE", distinct=5, low=1.0, high=5.0, whole=True), "numeric", "float"),
        (facts("member", type="BOOLEAN", distinct=2, low=False, high=True), "categorical", "int"),
        (facts("color", type="VARCHAR", distinct=7, low="a", high="z", words=1.2), "categorical", "text"),
        (facts("company", type="VARCHAR", distinct=60, low="a", high="z", words=3.5), "categorical", "text"),
        (facts("review", type="VARCHAR", distinct=990, low="a", high="z", words=12.0), "text", "text"),
        (facts("notes", type="VARCHAR", distinct=300, low="a", high="z", words=9.0), "text", "text"),
        (facts("key", type="VARCHAR", distinct=1000, unique=True, low="a", high="z", words=1.0), "ignore", "text"),
        (facts("almost", type="VARCHAR", distinct=960, low="a", high="z", words=1.0), "ignore", "text"),
        (facts("user", type="UUID", distinct=400, low="0", high="f", words=1.0), "categorical", "text"),
        (facts("user_id", distinct=1000, unique=True, low=7, high=10**9), "ignore", "int"),
        (facts("order", distinct=1000, unique=True, low=1, high=1000), "ignore", "int"),  # a row number
        (facts("rest", present=950, distinct=950, unique=True, low=1, high=1000), "ignore", "int"),  # of row numbers
        (facts("income", distinct=1000, unique=True, low=7, high=10**9), "numeric", "int"),
        (facts("year", distinct=1, low=2013, high=2013), "ignore", "int"),
        (facts("mostly", present=998, distinct=1, low=5, high=5), "ignore", "int"),
        (facts("promo", type="VARCHAR", present=200, distinct=1, low="Y", high="Y"), "categorical", "text"),
        (facts("big", type="HUGEINT", distinct=500, low=0, high=2**70), "categorical", "text"),
        (
            facts("when", type="VARCHAR", distinct=900, dates=True, low="2024-01-01", high="2024-12-31"),
            "timestamp",
            "int",
        ),
        (facts("tags", type="VARCHAR[]"), "categorical", "text"),
        (facts("vector", type="FLOAT[3]"), "numeric", "float"),
        (facts("clicked", type="BIGINT[]"), "categorical", "int"),
        (facts("place", type="STRUCT(lat DOUBLE)"), "ignore", "text"),
        (facts("photo", type="BLOB"), "ignore", "text"),
        (facts("at", type="TIME"), "ignore", "text"),
    ],
    ids=lambda value: value.name if isinstance(value, Facts) else "",
)
def test_role(column, kind, payload):
    found = guess(column)

    assert (found.kind, found.payload) == (kind, payload)
    assert found.reason
    assert found.repeated == column.type.endswith("]")


@pytest.mark.parametrize(
    ("column", "unit"),
    [
        (facts("created_at", low=1_356_998_400, high=1_388_534_400, distinct=900), "s"),
        (facts("ts", low=1_356_998_400_000, high=1_388_534_400_000, distinct=900), "ms"),
        (facts("eventTime", low=1_356_998_400_000_000, high=1_388_534_400_000_000, distinct=900), "us"),
        (facts("event_time", low=1_356_998_400 * 10**9, high=1_388_534_400 * 10**9, distinct=900), "ns"),
        (facts("day", type="DATE", low="2013-01-01", high="2013-12-31", distinct=365), "us"),
        (facts("when", type="TIMESTAMP_NS", low="2013-01-01", high="2013-12-31", distinct=365), "ns"),
    ],
)
def test_timestamps_say_their_unit(column, unit):
    found = guess(column)

    assert (found.kind, found.payload, found.unit) == ("timestamp", "int", unit)


@pytest.mark.parametrize(
    "column",
    [
        facts("amount", low=1_356_998_400, high=1_388_534_400, distinct=900),  # the range, but not the name
        facts("sched_dep_time", low=500, high=2359, distinct=900),  # the name, but not the range
    ],
)
def test_numbers_that_are_no_timestamps(column):
    assert guess(column).kind == "numeric"


@pytest.mark.parametrize(
    ("column", "rarest", "task"),
    [
        (facts(distinct=2, low=0, high=1), 100, "binary"),
        (facts(type="BOOLEAN", distinct=2, low=False, high=True), 100, "binary"),
        (facts(type="VARCHAR", distinct=2, low="no", high="yes"), 1, "binary"),
        (facts(type="VARCHAR", distinct=3, low="a", high="c"), 1, "multiclass"),
        (facts(distinct=6, low=3, high=8), 10, "multiclass"),
        (facts(type="DOUBLE", distinct=3, low=0.0, high=2.0, whole=True), 300, "multiclass"),
        (facts(distinct=6, low=3, high=8), 1, "regression"),  # a count with a rare value
        (facts(distinct=6, low=3, high=800), 100, "regression"),
        (facts(distinct=200, low=0, high=300), 1, "regression"),
        (facts(type="DOUBLE", distinct=3, low=0.5, high=2.5), 300, "regression"),
        (facts(type="DOUBLE", distinct=2, low=0.5, high=2.5), 300, "regression"),
        (facts(type="VARCHAR", rows=9999, present=9999, distinct=5000, low="a", high="c"), 1, None),
        (facts(type="TIMESTAMP", distinct=3, low="2024", high="2025"), 300, None),
    ],
)
def test_task(column, rarest, task):
    assert guess_task(column, rarest)[0] == task
