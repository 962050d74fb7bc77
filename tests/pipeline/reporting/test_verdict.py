"""The sentence that says how a run ended."""

import pytest

from pipeline.reporting import sections, verdict
from tests.pipeline.reporting import records

CHALLENGERS = {"forest": {"metrics": {"auc": 0.9}}}


@pytest.mark.parametrize(
    ("gain", "said"),
    [
        (-0.05, "; challenger forest, which is not pushed, is better by 0.050 [0.030, 0.070]."),
        (-0.01, "; nothing was served before."),
        (0.02, "; nothing was served before."),
    ],
)
def test_a_challenger_is_named_where_it_is_clearly_better(tmp_path, gain, said):
    differences = {"linear": {"gain": 0.1, "error": 0.01}, "forest": {"gain": gain, "error": 0.01}}
    explanation = records.EXPLANATION | {"differences": differences}
    record = records.evaluated(tmp_path, explanation, challengers=CHALLENGERS)
    assert verdict.sentence(record).endswith(said)


def test_a_challenger_is_beside_the_other_models(tmp_path):
    baselines = records.SUMMARY["baselines"] | {"forest": {"auc": 0.7}}
    record = records.evaluated(tmp_path, challengers=CHALLENGERS, baselines=baselines)
    metrics = next(section for section in sections.build(record) if section.anchor == "metrics")
    assert ["challenger forest", "0.7000"] in metrics.blocks[0].rows
