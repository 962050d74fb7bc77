"""Runs models over the test split and TFMA over their predictions, and loads the evaluation that this leaves."""

import json
import os
import pathlib
from collections.abc import Mapping, Sequence

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.evaluators import metrics_plots_and_validations_evaluator
from tensorflow_model_analysis.extractors import extractor, slice_key_extractor
from tensorflow_model_analysis.proto import config_pb2
from tensorflow_model_analysis.writers import eval_config_writer, metrics_plots_and_validations_writer, writer

from components.base import beam_errors
from components.evaluator import batch_inference, tfma_metrics
from core import examples, progress
from core.config.sections import Evaluate
from core.spec import Spec
from models.evaluation import PREDICTIONS_FOLDER, metrics, stored_predictions
from models.evaluation.gates import Evaluation
from models.evaluation.gates.base import Slice, shown
from models.evaluation.model_comparison import ModelPredictions


def run(
    pipeline: beam.Pipeline,
    split: str,
    models: Mapping[str, str],
    constant: np.ndarray,
    spec: Spec,
    slices: Sequence[Sequence[str]],
    folder: str,
) -> None:
    """Writes the predictions of all models and TFMA's results.

    Args:
        pipeline: the Beam pipeline, which this runs.
        split: the folder of the test split.
        models: the folders of the models by name.
        constant: the prediction of the model `constant`.
        spec: the features and the label.
        slices: the features of each slicing.
        folder: the folder of the evaluation.
    """
    config = _eval_config([*models, "constant"], spec, slices)
    groups = [(group.file, group.index, group.rows) for group in examples.row_groups(split)]
    progress.report(f"{sum(rows for *_, rows in groups):,} test rows, {len(models)} models")
    predict = batch_inference.Predict(models, constant, spec, slices, predictions_folder(folder))
    # The extracts are sliced batches already: the extractor that TFMA's evaluator expects passes them on.
    sliced = extractor.Extractor(
        slice_key_extractor.SLICE_KEY_EXTRACTOR_STAGE_NAME, beam.Map(lambda extracts: extracts)
    )
    with beam_errors.unwrapped(), pipeline:
        _ = (
            pipeline
            | "RowGroups" >> beam.Create(list(enumerate(groups)), reshuffle=False)
            | "Spread" >> beam.Reshuffle()  # or one worker would predict them all
            | "Predict" >> beam.ParDo(predict)
            | "Measure"
            >> tfma.ExtractEvaluateAndWriteResults(
                eval_config=config,
                writers=_writers(config, folder),
                extractors=[sliced],
                evaluators=[metrics_plots_and_validations_evaluator.MetricsPlotsAndValidationsEvaluator(config)],
            )
        )


def predictions_folder(evaluation_uri: str) -> str:
    """Returns where an evaluation keeps labels, predictions and slice columns of the test split, as Parquet."""
    return os.path.join(evaluation_uri, PREDICTIONS_FOLDER)


def _eval_config(models: Sequence[str], spec: Spec, slices: Sequence[Sequence[str]]) -> config_pb2.EvalConfig:
    metric = config_pb2.MetricConfig(
        class_name=tfma_metrics.ExactMetrics.__name__,
        module=tfma_metrics.__name__,
        config=json.dumps({"task": spec.label.task}),
    )
    return config_pb2.EvalConfig(
        model_specs=[config_pb2.ModelSpec(name=name, label_key=spec.label.name) for name in models],
        slicing_specs=[
            config_pb2.SlicingSpec(),
            *(config_pb2.SlicingSpec(feature_keys=features) for features in slices),
        ],
        metrics_specs=[config_pb2.MetricsSpec(model_names=list(models), metrics=[metric])],
    )


def _writers(config: config_pb2.EvalConfig, folder: str) -> list[writer.Writer]:
    """Returns the writers of metrics and config: TFMA's default ones also write files of plots, which are empty."""
    return [
        metrics_plots_and_validations_writer.MetricsPlotsAndValidationsWriter(
            output_paths={tfma.METRICS_KEY: os.path.join(folder, tfma.METRICS_KEY)}, eval_config=config
        ),
        eval_config_writer.EvalConfigWriter(folder, eval_config=config),
    ]


def load(folder: str, models: Sequence[str], spec: Spec, evaluate: Evaluate) -> Evaluation:
    """Returns the evaluation that `run` wrote; one of no rows where it did not run.

    A rival with a prediction that is not a finite number is left out.
    """
    if not pathlib.Path(predictions_folder(folder)).exists():
        return Evaluation(spec.label, ModelPredictions(np.zeros(0), np.zeros(0), {}), {})
    found = stored_predictions.load(predictions_folder(folder), models)
    usable = {
        name: predictions
        for name, predictions in found.by_model.items()
        if name == "candidate" or np.isfinite(predictions).all()
    }
    slices = {name: _slices(folder, name) for name in usable}
    return Evaluation(
        label=spec.label,
        test=ModelPredictions(found.labels, found.weights, usable),
        metrics={name: dict(whole.metrics) for name, (whole, *_) in slices.items()},
        slices=slices["candidate"][1:],
        evaluate=evaluate,
    )


def _slices(folder: str, model: str) -> list[Slice]:
    """Returns a model's metrics over all rows, then those of its slices."""
    found = []
    for key, values in tfma.load_eval_result(folder, model_name=model).slicing_metrics:
        flat = {name: value["doubleValue"] for name, value in values[""][""].items() if "doubleValue" in value}
        name = ", ".join(f"{feature} = {value}" for feature, value in key)
        found.append(Slice(name, int(flat.pop("example_count", 0)), flat))
    return sorted(found, key=lambda part: part.name)


def describe(evaluation: Evaluation, blessed: bool) -> str:
    """Returns a line such as `test auc 0.912 · linear 0.894 · constant 0.500 · blessed`."""
    name = metrics.PRIMARY[evaluation.label.task].name
    measured = [model for model in ("candidate", "linear", "champion", "constant") if model in evaluation.metrics]
    parts = [
        f"{f'test {name}' if model == 'candidate' else model} {shown(evaluation.metrics[model][name])}"
        for model in measured
        if name in evaluation.metrics[model]
    ]
    return " · ".join([*parts, "blessed" if blessed else "not blessed"])
