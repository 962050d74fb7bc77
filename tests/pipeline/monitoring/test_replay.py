"""Logged answers beside those of the model."""

import numpy as np
import pyarrow as pa

from core import examples
from pipeline.monitoring.replay import Replay, replay

REQUESTS = pa.RecordBatch.from_pylist(
    [{"age": [2.5], "town": [b"ulm"]}, {"age": None, "town": [b"bonn"]}, {"age": [1.0], "town": [b"jena"]}],
    schema=examples.arrow_schema({"age": "float", "town": "text"}),
)
PREDICTED = np.array([[0.25, 0.75], [0.5, 0.5], [0.9, 0.1]])


def test_an_answer_that_differs_is_named():
    answers = np.array([[0.25, 0.75 + 1e-6], [0.75, 0.25], [np.nan, np.nan]])
    found = replay(REQUESTS, answers, PREDICTED)
    example = {"features": {"town": "bonn"}, "logged": [0.75, 0.25], "model": [0.5, 0.5]}
    assert found == Replay(rows=2, differing=1, largest=0.25, examples=[example])
    assert found.alarms() == [
        "1 of 2 logged answers are not those of this version, by up to 0.25: for {'town': 'bonn'} the log has "
        "[0.75, 0.25], the model [0.5, 0.5]"
    ]


def test_equal_answers_raise_no_alarm():
    assert replay(REQUESTS, PREDICTED, PREDICTED).alarms() == []
    assert replay(REQUESTS, np.array([[1000.01], [2.0], [3.0]]), np.array([1000.0, 2.0, 3.0])).alarms() == []


def test_a_log_without_answers_is_not_replayed():
    assert replay(REQUESTS, np.full((3, 1), np.nan), PREDICTED) is None
    assert replay(REQUESTS, np.full((3, 2), np.nan), PREDICTED) is None
