"""The task that fits a label, worked out by hand."""

import pytest

from pipeline.profile.column_profile import ColumnProfile
from pipeline.profile.label_inference import infer_task


def profile(name: str = "x", type: str = "BIGINT", rows: int = 1000, present: int = 1000, **known) -> ColumnProfile:
    return ColumnProfile(name, type, rows, present, **known)


@pytest.mark.parametrize(
    ("column", "rarest", "task"),
    [
        (profile(distinct=2, low=0, high=1), 100, "binary"),
        (profile(type="BOOLEAN", distinct=2, low=False, high=True), 100, "binary"),
        (profile(type="VARCHAR", distinct=2, low="no", high="yes"), 1, "binary"),
        (profile(type="VARCHAR", distinct=3, low="a", high="c"), 1, "multiclass"),
        (profile(distinct=6, low=3, high=8), 10, "multiclass"),
        (profile(type="DOUBLE", distinct=3, low=0.0, high=2.0, whole=True), 300, "multiclass"),
        (profile(distinct=6, low=3, high=8), 1, "regression"),  # a count with a rare value
        (profile(distinct=6, low=3, high=800), 100, "regression"),
        (profile(distinct=200, low=0, high=300), 1, "regression"),
        (profile(type="DOUBLE", distinct=3, low=0.5, high=2.5), 300, "regression"),
        (profile(type="DOUBLE", distinct=2, low=0.5, high=2.5), 300, "regression"),
        (profile(type="VARCHAR", rows=9999, present=9999, distinct=5000, low="a", high="c"), 1, None),
        (profile(type="TIMESTAMP", distinct=3, low="2024", high="2025"), 300, None),
    ],
)
def test_task(column, rarest, task):
    assert infer_task(column, rarest)[0] == task
