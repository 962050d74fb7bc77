"""Records of runs with literal values, without a run."""

import dataclasses
import json
import pathlib

from core import storage
from pipeline.reporting.run_record import RunRecord
from pipeline.run.history import COMPLETE, Artifact, Execution
from pipeline.run.run_folder import RunFolder

EVIL = "<script>alert('x')</script>&\""
EXPLANATION = {
    "intervals": {"candidate": {"auc": 0.02}, "linear": {"auc": 0.03}},
    "differences": {"linear": {"gain": 0.1, "error": 0.01}},
    "slices": [{"name": f"{EVIL} = Bonn", "rows": 200, "metrics": {"auc": 0.7}, "half_widths": {"auc": 0.05}}],
    "sample": {"test_rows": 12_000, "rows": 10_000, "error": 0.25},
    "error_slices": [{"name": f"{EVIL} = Ulm", "rows": 40, "error": 0.5, "half_width": 0.125}],
    "curves": {
        "roc": [[0, 0], [0.25, 0.75], [1, 1]],
        "precision_recall": [[0.5, 1], [1, 0.5]],
        "calibration": [{"score": 0.5, "share": 0.4, "low": 0.3, "high": 0.5, "rows": 10}],
        "confusion": {"classes": [EVIL, "yes"], "matrix": [[5, 1], [2, 4]]},
        "thresholds": {
            "true_positives": [6.0] * 50 + [4.0] * 50 + [0.0],
            "false_positives": [6.0] * 50 + [1.0] * 50 + [0.0],
            "positives": 6.0,
            "negatives": 6.0,
        },
    },
    "importance": [
        {"feature": EVIL, "loss": 0.25, "half_width": 0.125},
        {"feature": "age", "loss": 0.0, "half_width": 0.0},
    ],
    "dependence": {
        "of": EVIL,
        "features": [
            {"feature": EVIL, "values": [EVIL, "b"], "positions": [], "mean": [0.25, 0.5], "lines": [[0.1, 0.2]]},
            {"feature": "age", "values": ["1", "2"], "positions": [1, 2], "mean": [0.25, 0.5], "lines": []},
        ],
    },
    "interactions": [
        {"features": [EVIL, "age"], "strength": 0.5, "values": [[EVIL], ["1", "2"]], "mean": [[0.25, 0.75]]}
    ],
    "worst_rows": [
        {"row": 7, "error": 2.5, "label": EVIL, "predicted": "yes", "score_of_label": 0.0821, "features": {EVIL: EVIL}}
    ],
}
SUMMARY = {
    "name": "shop",
    "run_id": "20260102-030405",
    "status": "pushed",
    "seconds": 12.5,
    "stages": [{"name": "Evaluator", "state": "ran", "seconds": 1.25}],
    "model": {"family": "mlp", "hyperparameters": {"units": 8}, "parameters": 1234, "trials": 1},
    "metrics": {"eval": {"auc": 0.88}, "test": {"auc": 0.9}},
    "baselines": {"linear": {"auc": 0.8}, "constant": {"auc": 0.5}},
    "gates": [{"name": "linear", "passed": True, "value": 0.9, "limit": 0.8, "why": "It is better."}],
    "serving": {"path": None, "version": 3, "max_abs_difference": 1e-7, "p50_ms": 1.25},
    "environment": {"python": "3.11.9", "platform": "Linux", "cpus": 2, "packages": {"keras": "3"}},
}
CONFIG = {"name": "shop", "label": "bought", "task": "binary", "data": {"files": ["shop.csv"]}}


def execution(stage: str, folder: pathlib.Path, output: str, **report) -> Execution:
    """Returns an execution with one output, whose folder is made."""
    uri = folder / "artifacts" / stage / output / "1"
    uri.mkdir(parents=True, exist_ok=True)
    properties = {"finding": f"{stage} ended", "report": json.dumps(report)}
    return Execution(1, stage, COMPLETE, None, (), (Artifact(1, str(uri), True, properties, folder / "manifest.json"),))


def evaluated(folder: pathlib.Path, explanation=EXPLANATION, config=CONFIG, **summary) -> RunRecord:
    """Returns the record of a run that ended with an evaluation."""
    record = RunRecord(
        RunFolder(folder),
        SUMMARY | summary,
        config,
        {
            "Evaluator": execution("Evaluator", folder, "evaluation"),
            "Trainer": execution("Trainer", folder, "model", history={"loss": [0.5, 0.25], "val_loss": [0.5, 0.375]}),
        },
    )
    storage.write_json(folder / "artifacts/Evaluator/evaluation/1/explanation.json", explanation)
    return record


def with_executions(record: RunRecord, *executions: Execution) -> RunRecord:
    """Returns a record with further executions."""
    added = {one.stage: one for one in executions}
    return dataclasses.replace(record, executions={**record.executions, **added})
