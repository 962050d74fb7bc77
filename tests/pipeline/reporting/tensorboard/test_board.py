"""Tests the runs of TensorBoard, as TensorBoard itself reads them."""

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

from core import storage
from pipeline.reporting.tensorboard import board
from pipeline.run.fingerprints import Fingerprint
from tests.pipeline.reporting import records

LABELS = [0, 1] * 30
GOOD = [0.1, 0.9] * 30
TRIALS = [
    {"hyperparameters": {"units": 8}, "status": "chosen", "score": 0.75, "epochs": 5},
    {"hyperparameters": {"family": "mlp", "units": 8}, "status": "completed", "score": 0.5, "epochs": 5},
]


def _record(folder, task, labels, candidate):
    predictions = folder / "artifacts/Evaluator/evaluation/1/predictions"
    predictions.mkdir(parents=True)
    table = {"label": labels, "weight": [1.0] * len(labels), "candidate": candidate, "constant": candidate}
    pq.write_table(pa.table(table), predictions / "part-0.parquet")
    record = records.evaluated(folder, config={**records.CONFIG, "task": task})
    label = {"spec.label.task": task, "spec.label.payload": "int", "spec.label.classes": ["n|o", "yes"]}
    evaluator = dataclasses.replace(record.executions["Evaluator"], fingerprint=Fingerprint("Evaluator", label, ""))
    tuner = records.execution("Tuner", folder, "best_hyperparameters", trials=TRIALS, metric="auc")
    return records.with_executions(record, evaluator, tuner)


@pytest.fixture
def binary(tmp_path):
    record = _record(tmp_path, "binary", LABELS, [[1 - score, score] for score in GOOD])
    challengers = records.execution("Challengers", tmp_path, "challengers")
    forest = tmp_path / "artifacts/Challengers/challengers/1/forest"
    storage.write_json(forest / "report.json", {})
    np.save(forest / "predictions.npy", np.full((60, 2), 0.5, np.float32))
    (forest / "board").mkdir()
    (forest / "board" / "events.out.tfevents.1").write_bytes(b"")
    record = records.with_executions(record, challengers)
    about = {"forest": {"estimator": "sklearn.Forest", "parameters": {"max_depth": None}}}
    return dataclasses.replace(record, summary={**record.summary, "challengers": about})


def _read(folder):
    found = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    found.Reload()
    return found


def _hyperparameters(run):
    content = run.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    given = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info.hparams
    return {name: value.string_value or value.number_value for name, value in given.items()}


def test_the_names_of_the_runs_are_in_the_order_of_the_stages(binary):
    (binary.folder.tensorboard / "1-search/mlp-trial-00").mkdir(parents=True)
    board.write(binary)
    runs = {str(file.parent.relative_to(binary.folder.tensorboard))
            for file in binary.folder.tensorboard.rglob("*tfevents*")}  # fmt: skip
    assert sorted(runs) == [
        "1-search/mlp-trial-00", "1-search/trial-0", "3-challengers-1/forest/board", "4-test-1/candidate",
        "4-test-1/constant", "4-test-1/forest",
    ]  # fmt: skip


def test_each_model_has_its_metrics_curves_and_hyperparameters(binary):
    board.write(binary)
    candidate, forest = (_read(binary.folder.tensorboard / "4-test-1" / name) for name in ("candidate", "forest"))
    assert set(candidate.Tags()["tensors"]) > {
        "test/auc", "test/accuracy", "curves/roc", "curves/precision_recall/pr_curves", "curves/calibration",
        "test/confusion",
    }  # fmt: skip
    assert len(candidate.Tensors("curves/roc")) == 101
    assert _hyperparameters(candidate) == {"model": "candidate", "family": "mlp", "units": 8}
    assert _hyperparameters(forest) == {"model": "forest", "family": "sklearn.Forest", "max_depth": "None"}
    (text,) = candidate.Tensors("test/confusion")
    assert text.tensor_proto.string_val[0].decode() == (
        "|  | predicted n\\|o | predicted yes |\n| --- | --- | --- |\n| n\\|o | 30 | 0 |\n| yes | 0 | 30 |"
    )
    assert _hyperparameters(_read(binary.folder.tensorboard / "1-search" / "trial-0")) == {
        "model": "trial-0",
        "units": 8,
    }


def test_a_second_time_adds_nothing(binary):
    board.write(binary)
    before = sorted(binary.folder.tensorboard.rglob("*tfevents*"))
    board.write(binary)
    assert sorted(binary.folder.tensorboard.rglob("*tfevents*")) == before


def test_regression_has_residuals(tmp_path):
    record = _record(tmp_path, "regression", [1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 5.0])
    board.write(record)
    run = _read(tmp_path / "tensorboard/4-test-1/candidate")
    assert set(run.Tags()["tensors"]) > {"test/rmse", "test/residuals", "curves/mean_by_prediction"}


def test_an_error_raises_nothing(tmp_path):
    (tmp_path / "metadata.sqlite").mkdir()
    board.after_run(records.evaluated(tmp_path).folder, records.SUMMARY)
