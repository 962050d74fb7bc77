"""Trainer as TFX runs it, on a transform graph of the real Transform."""

import json
import pathlib

import numpy as np
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2
from tfx.components.evaluator import executor as stock_evaluator
from tfx.types import channel, standard_artifacts
from tfx.utils import proto_utils

from components.tf_examples import conversion
from components.trainer import component as trainer
from core import examples
from core.spec import Feature
from models import families
from models.serving import made_rows
from tests.components import data_stages

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained(prepared_stages):
    outputs = {
        "model": prepared_stages.artifact(standard_artifacts.Model, "model"),
        "model_run": prepared_stages.artifact(standard_artifacts.ModelRun, "model_run"),
    }
    prepared_stages.run(trainer.Executor, outputs, function={"run_fn": trainer.RUN_FN}, epochs=30)
    return outputs


def test_records_what_was_trained(trained):
    report = json.loads(trained["model"].get_string_custom_property("report"))
    assert report["family"] == "linear"
    assert report["hyperparameters"] == families.FAMILIES["linear"].defaults()
    assert report["metrics"]["eval"]["auc"] > 0.9
    finding = trained["model"].get_string_custom_property("finding")
    assert finding == f"linear · {report['parameters']} parameters · eval auc {report['metrics']['eval']['auc']:.4f}"


def test_the_served_model_gives_what_is_expected_of_it(trained):
    expected = pq.read_table(pathlib.Path(trained["model_run"].uri) / "expected.parquet")
    assert expected.column_names == ["hour", "carrier", "late", made_rows.MARK, examples.PREDICTION]
    made = expected[made_rows.MARK].drop_null().to_pylist()
    assert expected.num_rows - len(made) == 64
    assert {origin["feature"] for origin in made} == {"hour", "carrier"}
    model = tf.saved_model.load(str(pathlib.Path(trained["model"].uri) / "Format-Serving"))
    (batch,) = expected.combine_chunks().to_batches()
    columns = examples.dense(batch, (Feature("hour", "numeric", "float"), Feature("carrier", "categorical", "text")))
    answer = model.signatures["predict"](**{name: tf.constant(values) for name, values in columns.items()})
    np.testing.assert_allclose(answer["scores"], expected[examples.PREDICTION].to_pylist(), atol=1e-6)


def test_the_stock_evaluator_measures_and_blesses_it(trained, prepared_stages):
    (made,) = prepared_stages.inputs["examples"]
    copy = prepared_stages.artifact(standard_artifacts.Examples, "tf_examples")
    conversion.write_artifact(made, copy)
    bound = config_pb2.MetricThreshold(value_threshold=config_pb2.GenericValueThreshold(lower_bound={"value": 0.9}))
    metric = config_pb2.MetricConfig(class_name="AUC", threshold=bound)
    config = config_pb2.EvalConfig(
        model_specs=[config_pb2.ModelSpec(signature_name="serving_default", label_key="late", prediction_key="scores")],
        slicing_specs=[config_pb2.SlicingSpec()],
        metrics_specs=[
            config_pb2.MetricsSpec(binarize=config_pb2.BinarizationOptions(class_ids={"values": [1]}), metrics=[metric])
        ],
    )
    evaluation = prepared_stages.artifact(standard_artifacts.ModelEvaluation, "stock_evaluation")
    blessing = prepared_stages.artifact(standard_artifacts.ModelBlessing, "stock_blessing")
    data_stages.run(
        stock_evaluator.Executor,
        {"examples": copy, "model": trained["model"]},
        {"evaluation": evaluation, "blessing": blessing},
        eval_config=proto_utils.proto_to_json(config),
        example_splits='["eval"]',
        fairness_indicator_thresholds="null",
    )
    ((_, values),) = tfma.load_eval_result(evaluation.uri).slicing_metrics
    ours = json.loads(trained["model"].get_string_custom_property("report"))["metrics"]["eval"]["auc"]
    assert values[""]["classId:1"]["auc"]["doubleValue"] == pytest.approx(ours, abs=1e-3)
    assert [path.name for path in pathlib.Path(blessing.uri).iterdir()] == ["BLESSED"]


def test_writes_logs_for_tensorboard(trained):
    run = pathlib.Path(trained["model_run"].uri)
    assert list(run.glob("train/events*"))
    assert list(run.glob("validation/events*"))


def test_takes_what_the_tuner_found(prepared_stages):
    found = prepared_stages.artifact(standard_artifacts.HyperParameters, "found")
    config = {"space": [], "values": {"learning_rate": 0.05, "weight_decay": 0.001}}
    (pathlib.Path(found.uri) / "best_hyperparameters.txt").write_text(json.dumps(config), encoding="utf-8")
    outputs = {
        "model": prepared_stages.artifact(standard_artifacts.Model, "model_tuned"),
        "model_run": prepared_stages.artifact(standard_artifacts.ModelRun, "model_run_tuned"),
    }
    prepared_stages.inputs["hyperparameters"] = [found]
    try:
        prepared_stages.run(trainer.Executor, outputs, function={"run_fn": trainer.RUN_FN}, epochs=1)
    finally:
        del prepared_stages.inputs["hyperparameters"]
    report = json.loads(outputs["model"].get_string_custom_property("report"))
    assert report["hyperparameters"] == config["values"]


def test_wiring():
    channels = {
        "examples": channel.Channel(type=standard_artifacts.Examples),
        "schema": channel.Channel(type=standard_artifacts.Schema),
        "transform_graph": channel.Channel(type=standard_artifacts.TransformGraph),
    }
    node = trainer.Trainer(
        **channels,
        spec="{}",
        train="{}",
        augmentation_digest="d",
        serve="{}",
        champion="serving/1",
        backup="folder",
        fingerprint="abc",
    )
    assert node.id == "Trainer"
    assert json.loads(node.exec_properties["custom_config"]) == {
        "spec": "{}",
        "train": "{}",
        "augmentation_digest": "d",
        "serve": "{}",
        "champion": "serving/1",
        "backup": "folder",
        "fingerprint": "abc",
    }
    assert node.with_id("Baseline").id == "Baseline"
