"""Which split a row belongs to."""

import hashlib
import math
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.config.sections import Fractions, Split
from core.errors import UserError
from ingest import connect
from ingest.sql.quantiles import BUCKETS, Interval, QuantileSearch, from_rows
from ingest.sql.splits import NAMES, expression, time_key


def by_hand(texts: Sequence[str], split: Split) -> str:
    """Returns the split of a row with these texts, in the order of its columns' names."""
    number = int(hashlib.md5("\x1f".join(texts).encode()).hexdigest()[:8], 16) % 1_000_000
    limit = 0.0
    for name, fraction in split.fractions:
        limit += fraction
        if number < round(limit * 1_000_000):
            return name
    return NAMES[-1]


def splits_of(table: str, types: dict[str, str], split: Split, boundaries: Sequence[float] = ()) -> list[str]:
    rows = connect().execute(f"SELECT {expression(split, types, boundaries)} FROM {table}").fetchall()
    return [row[0] for row in rows]


def test_the_hash_is_md5_of_the_texts_in_the_order_of_names() -> None:
    split = Split()
    rows = [(1, "x"), (None, "é"), (-5, None), (1, "x")]
    table = "(VALUES (1, 'x'), (NULL, 'é'), (-5, NULL), (1, 'x')) t(b, a)"
    expected = [
        by_hand(["\x1e" if text is None else text, "\x1e" if number is None else str(number)], split)
        for number, text in rows
    ]
    found = splits_of(table, {"b": "INTEGER", "a": "VARCHAR"}, split)
    assert found == expected
    assert found[0] == found[3]


def test_shares_are_as_asked_and_a_seed_changes_them() -> None:
    table, types = "(SELECT range AS a FROM range(20000))", {"a": "BIGINT"}
    found = splits_of(table, types, Split(fractions=Fractions(train=0.7, eval=0.2, test=0.1)))
    assert found.count("train") == pytest.approx(14_000, abs=200)
    assert found.count("eval") == pytest.approx(4_000, abs=200)
    other = splits_of(table, types, Split(fractions=Fractions(train=0.7, eval=0.2, test=0.1), seed=1))
    assert sum(one != two for one, two in zip(found, other, strict=True)) > 5_000


def test_rows_of_a_group_stay_together() -> None:
    table = "(SELECT range AS a, 'g' || range % 50 AS g FROM range(2000))"
    rows = connect().execute(
        f"SELECT g, count(DISTINCT {expression(Split(by='group', column='g'), {'a': 'BIGINT', 'g': 'VARCHAR'})}) "
        f"FROM {table} GROUP BY g"
    )
    assert {count for _, count in rows.fetchall()} == {1}


def test_every_split_gets_a_fraction() -> None:
    with pytest.raises(ValueError, match="greater than 0"):
        Fractions(train=0.5, eval=0.5, test=0.0)


def test_a_given_column_may_say_it_in_other_words() -> None:
    split = Split(by="column", column="s")
    table = "(VALUES ('train'), (' Validation '), ('TEST'), ('dev')) t(s)"
    assert splits_of(table, {"s": "VARCHAR"}, split) == ["train", "eval", "test", "eval"]


def test_a_split_by_time_puts_the_newest_last() -> None:
    table = "(VALUES (DATE '2024-01-01'), (DATE '2024-01-02'), (DATE '2024-01-03'), (NULL)) t(d)"
    boundaries = [connect().execute(f"SELECT epoch_us(TIMESTAMP '2024-01-0{day}')").fetchall()[0][0] for day in (2, 3)]
    assert splits_of(table, {"d": "DATE"}, Split(by="time", column="d"), boundaries) == [
        "train",
        "eval",
        "test",
        "train",
    ]


def test_columns_that_do_not_fit_are_named() -> None:
    with pytest.raises(UserError, match=r"'x', and there is no such column\. The columns are: a"):
        expression(Split(by="group", column="x"), {"a": "BIGINT"})
    with pytest.raises(UserError, match=r"column 'a' is VARCHAR\. A date"):
        time_key("a", {"a": "VARCHAR"})


@settings(deadline=None)
@given(
    st.lists(st.floats(-1e15, 1e15, allow_subnormal=False) | st.integers(0, 5).map(float), min_size=1, max_size=200),
    st.integers(1, 5),
    st.lists(st.floats(0.05, 0.95), min_size=1, max_size=2, unique=True).map(sorted),
)
def test_boundaries_are_the_same_whatever_the_units(values: list[float], units: int, shares: list[float]) -> None:
    found = {boundaries(values, pieces, shares) for pieces in (1, units)}
    assert len(found) == 1
    for boundary, share in zip(found.pop(), shares, strict=True):
        below, equal = sum(value < boundary for value in values), sum(value == boundary for value in values)
        rank = share * len(values)
        nearest = min(abs(rank - sum(value < edge for value in values)) for edge in [*values, math.inf])
        assert abs(rank - below) <= nearest + 0.0005 * len(values) + 1e-9, (boundary, equal)


def boundaries(values: list[float], units: int, shares: list[float]) -> tuple[float, ...]:
    search = QuantileSearch(shares, min(values), max(values), len(values))
    while search.intervals:
        histograms = []
        for interval in search.intervals:
            histograms.append(from_rows(histogram(values[unit::units], interval) for unit in range(units)))
        search.take(histograms)
    return search.boundaries


def histogram(values: list[float], interval: Interval) -> list[tuple[int, int, float, float]]:
    buckets: dict[int, list[float]] = {}
    for value in values:
        if interval.low <= value < interval.high:
            share = (value - interval.low) / (interval.high - interval.low)
            buckets.setdefault(min(BUCKETS - 1, math.floor(share * BUCKETS)), []).append(value)
    return [(bucket, len(held), min(held), max(held)) for bucket, held in buckets.items()]
