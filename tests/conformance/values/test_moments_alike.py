"""Texts of moments are the same moments in files, which DuckDB reads, and in requests, which the served model reads."""

import hypothesis
import pytest
import tensorflow as tf
from hypothesis import strategies as st

import ingest
from core.spec import ISO_8601
from ingest.sql import moments as of_files
from ingest.sql import texts
from models.serving.requests import moments

pytestmark = pytest.mark.slow
_TWO = st.sampled_from(["0", "1", "01", "9", "12", "23", "24", "28", "29", "30", "31", "59", "60"])
_DATES = st.builds(
    lambda year, month, day, sign: sign.join([year, month, day]),
    st.sampled_from(["1000", "1900", "1969", "2024", "2300", "9999"]),
    _TWO,
    _TWO,
    st.sampled_from("-/."),
)
_FRACTIONS = st.sampled_from(["", ".", ".5", ".123456", ".123456789"])
_SECONDS = st.one_of(st.just(""), st.builds(":{}{}".format, _TWO, _FRACTIONS))
_ZONES = st.sampled_from(["", "Z", " UTC", "+00", "+02:00", "-05:30", "+0530", " +02:00", "+14:00", "-00:30"])
_TIMES = st.builds("{}{}:{}{}{}".format, st.sampled_from(["T", " ", "  "]), _TWO, _TWO, _SECONDS, _ZONES)
_ISO = st.builds(lambda date, time: date + time, _DATES, st.one_of(st.just(""), _TIMES))
_DAY_FIRST = st.builds("{}.{}.{} {}:{}".format, _TWO, _TWO, st.sampled_from(["1969", "2024"]), _TWO, _TWO)


@hypothesis.given(st.lists(st.one_of(_ISO, _DAY_FIRST), min_size=40, max_size=80), st.sampled_from(["s", "us"]))
@hypothesis.settings(max_examples=15, deadline=None)
def test_texts_of_moments(values, unit):
    written = "%d.%m.%Y %H:%M"
    read = of_files.whole_number(texts.moment("text", written), "TIMESTAMP", unit)
    with ingest.connect("1GB") as connection:
        rows = connection.execute(f"SELECT {read} FROM (SELECT unnest($1::VARCHAR[]) AS text)", [values]).fetchall()
    forms = [moments.whole_numbers(tf.constant(values)[:, None], form, [unit]) for form in (written, ISO_8601)]
    for row, (text, (expected,)) in enumerate(zip(values, rows, strict=True)):
        if expected is not None:
            found = [int(numbers[row, 0]) for numbers, are_moments in forms if are_moments[row, 0]]
            assert (text, found[:1]) == (text, [expected])
