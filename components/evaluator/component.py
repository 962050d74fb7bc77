"""Evaluator: asks the candidate and its rivals for the test split, measures them with TFMA, and gives the blessing.

The rules are in `models.evaluation.model_comparison`. A candidate that fails is a result: the blessing says 0.
"""

import json
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.evaluators import metrics_plots_and_validations_evaluator
from tensorflow_model_analysis.extractors import extractor, slice_key_extractor
from tensorflow_model_analysis.proto import config_pb2
from tensorflow_model_analysis.writers import eval_config_writer, metrics_plots_and_validations_writer, writer
from tfx import types
from tfx.components.evaluator import constants
from tfx.dsl.components.base import base_beam_component, base_beam_executor, executor_spec
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.utils import io_utils, path_utils

from components.base import stage_report
from components.evaluator import batch_inference, tfma_metrics
from core import examples, progress
from core.spec import Spec
from models.evaluation import metrics, model_comparison
from models.evaluation.gates import Gate, shown
from models.serving import served_model

_Artifacts = dict[str, list[types.Artifact]]


class Executor(base_beam_executor.BaseBeamExecutor):
    """Predicts on Beam, and judges what comes out."""

    def Do(self, input_dict: _Artifacts, output_dict: _Artifacts, exec_properties: dict[str, Any]) -> None:
        """Writes the evaluation and the blessing."""
        spec = Spec.from_json(exec_properties["spec"])
        options = json.loads(exec_properties["options"])
        split = artifact_utils.get_split_uris(input_dict["examples"], "test")[0]
        evaluation = artifact_utils.get_single_instance(output_dict["evaluation"])
        models, notes = _models(input_dict, spec)
        constant = prior(artifact_utils.get_split_uris(input_dict["examples"], "train")[0], spec)
        if examples.num_rows(split):
            self._measure(split, models, constant, exec_properties["spec"], options, evaluation.uri)
        gates, measured = _judge(evaluation.uri, [*models, "constant"], spec, options)
        blessed = all(gate.passed for gate in gates)
        _bless(output_dict, input_dict, blessed)
        stage_report.record(evaluation, _finding(spec, measured, blessed), **_report(measured, gates, notes))

    def _measure(
        self,
        split: str,
        models: Mapping[str, str],
        constant: np.ndarray,
        spec: str,
        options: Mapping[str, Any],
        folder: str,
    ) -> None:
        """Runs all models over the split, and leaves predictions and TFMA's results in the folder."""
        slices = options.get("slices") or []
        config = _eval_config([*models, "constant"], Spec.from_json(spec), slices)
        groups = [(each.file, each.index, each.rows) for each in examples.row_groups(split)]
        progress.report(f"{sum(rows for *_, rows in groups):,} test rows, {len(models)} models")
        predict = batch_inference.Predict(models, constant, spec, slices, predictions_folder(folder))
        with self._make_beam_pipeline() as pipeline:
            (
                pipeline
                | "RowGroups" >> beam.Create(list(enumerate(groups)), reshuffle=False)
                | "Predict" >> beam.ParDo(predict)
                | "Measure"
                >> tfma.ExtractEvaluateAndWriteResults(
                    eval_config=config,
                    writers=_writers(config, folder),
                    # The extracts come sliced and in batches: the stage that TFMA's evaluator waits for has no work.
                    extractors=[extractor.Extractor(slice_key_extractor.SLICE_KEY_EXTRACTOR_STAGE_NAME, _Nothing())],
                    evaluators=[metrics_plots_and_validations_evaluator.MetricsPlotsAndValidationsEvaluator(config)],
                )
            )


def _writers(config: config_pb2.EvalConfig, folder: str) -> list[writer.Writer]:
    """Returns what writes the metrics: TFMA's default writers also write files of plots, which are empty here."""
    return [
        metrics_plots_and_validations_writer.MetricsPlotsAndValidationsWriter(
            output_paths={tfma.METRICS_KEY: os.path.join(folder, tfma.METRICS_KEY)}, eval_config=config
        ),
        eval_config_writer.EvalConfigWriter(folder, eval_config=config),
    ]


class _Nothing(beam.PTransform):
    """Hands on what comes in."""

    def expand(self, rows: beam.PCollection) -> beam.PCollection:
        return rows


def predictions_folder(evaluation_uri: str) -> str:
    """Returns where an evaluation keeps labels, predictions and slice columns of the test split, as Parquet."""
    return os.path.join(evaluation_uri, "predictions")


def _models(input_dict: _Artifacts, spec: Spec) -> tuple[dict[str, str], list[str]]:
    """Returns the folders of the models by name, and what is to be said of those left out."""
    found = {}
    notes = []
    for name, key in (("candidate", "model"), ("linear", "baseline_model"), ("blessed", "blessed_model")):
        for artifact in input_dict.get(key) or []:
            found[name] = path_utils.serving_model_path(artifact.uri, path_utils.is_old_model_artifact(artifact))
    if "blessed" in found and (reason := _incomparable(found["blessed"], spec)):
        notes.append(f"The blessed model is not compared: {reason}.")
        del found["blessed"]
    if spec.family == "linear":
        found.pop("linear", None)
    return found, notes


def _incomparable(path: str, spec: Spec) -> str | None:
    """Returns why an earlier model cannot be asked for today's rows; None if it can."""
    model = served_model.load(path)
    missing = sorted(set(model.inputs) - {feature.name for feature in spec.features})
    if missing:
        return f"it takes features that the data no longer has ({', '.join(missing[:3])})"
    texts = {feature.name for feature in spec.features if feature.payload == "text"}
    changed = sorted(
        name for name, tensor in model.inputs.items() if (tensor.dtype.name == "string") != (name in texts)
    )
    if changed:
        return f"it takes features whose type has changed ({', '.join(changed[:3])})"
    if model.classes() != spec.label.classes:
        return "it predicts other classes"
    return None


def prior(train_split: str, spec: Spec) -> np.ndarray:
    """Returns the best constant answer on train: class frequencies float32[classes], or the mean float32[]."""
    totals = np.zeros(len(spec.label.classes)) if spec.label.classes else np.zeros(2)
    columns = [spec.label.name] + ([spec.weight] if spec.weight else [])
    for row_group in examples.row_groups(train_split):
        rows = examples.read(row_group, columns)
        labels = examples.label_values(rows, spec.label)
        weights = batch_inference.weight_values(rows, spec.weight)
        if spec.label.classes:
            totals += np.bincount(labels, weights, minlength=len(totals))
        else:
            totals += [np.sum(labels * weights), np.sum(weights)]
    if spec.label.classes:
        return np.asarray(totals / max(totals.sum(), 1e-9), np.float32)
    return np.asarray(totals[0] / max(totals[1], 1e-9), np.float32)


def _eval_config(models: Sequence[str], spec: Spec, slices: Sequence[Sequence[str]]) -> config_pb2.EvalConfig:
    metric = config_pb2.MetricConfig(
        class_name=tfma_metrics.ExactMetrics.__name__,
        module=tfma_metrics.__name__,
        config=json.dumps({"task": spec.label.task}),
    )
    return config_pb2.EvalConfig(
        model_specs=[config_pb2.ModelSpec(name=name, label_key=spec.label.name) for name in models],
        slicing_specs=[config_pb2.SlicingSpec(), *(config_pb2.SlicingSpec(feature_keys=each) for each in slices)],
        metrics_specs=[config_pb2.MetricsSpec(model_names=list(models), metrics=[metric])],
    )


def _judge(
    folder: str, models: Sequence[str], spec: Spec, options: Mapping[str, Any]
) -> tuple[list[Gate], dict[str, dict[str, float]]]:
    """Returns the gates, and the metrics by model."""
    if not pathlib.Path(predictions_folder(folder)).exists():
        return [Gate("test split", False, None, None, "The test split has no rows. Give it a fraction in `split`.")], {}
    found = batch_inference.load(predictions_folder(folder), models)
    usable = {name: each for name, each in found.by_model.items() if name == "candidate" or np.isfinite(each).all()}
    sliced = {name: _slices(folder, name) for name in usable}
    measured = {name: dict(each[0].metrics) for name, each in sliced.items()}
    rows = model_comparison.Rows(found.labels, found.weights, usable)
    slices = tuple(sliced["candidate"][1:])
    return model_comparison.judge(spec.label, rows, measured, options.get("gates") or {}, slices), measured


def _slices(folder: str, model: str) -> list[model_comparison.Slice]:
    """Returns a model's metrics over all rows, then those of its slices."""
    found = []
    for key, values in tfma.load_eval_result(folder, model_name=model).slicing_metrics:
        flat = {name: value["doubleValue"] for name, value in values[""][""].items() if "doubleValue" in value}
        name = ", ".join(f"{feature} = {value}" for feature, value in key)
        found.append(model_comparison.Slice(name, int(flat.pop("example_count", 0)), flat))
    return sorted(found, key=lambda each: each.name)


def _bless(output_dict: _Artifacts, input_dict: _Artifacts, blessed: bool) -> None:
    """Fills the blessing as the stock Evaluator does: its readers are TFX's Pusher and resolvers."""
    blessing = artifact_utils.get_single_instance(output_dict["blessing"])
    model = artifact_utils.get_single_instance(input_dict["model"])
    blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY, model.uri)
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, model.id)
    for baseline in input_dict.get("blessed_model") or []:
        blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_URI_KEY, baseline.uri)
        blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY, baseline.id)
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, int(blessed))
    name = constants.BLESSED_FILE_NAME if blessed else constants.NOT_BLESSED_FILE_NAME
    io_utils.write_string_file(os.path.join(blessing.uri, name), "")


def _finding(spec: Spec, measured: Mapping[str, Mapping[str, float]], blessed: bool) -> str:
    """Returns a line such as `test auc 0.912 · linear 0.894 · constant 0.500 · blessed`."""
    name, _ = metrics.PRIMARY[spec.label.task]
    order = ("candidate", "linear", "blessed", "constant")
    said = {"candidate": f"test {name}", "blessed": "served"}
    there = [model for model in order if name in measured.get(model, {})]
    parts = [f"{said.get(model, model)} {shown(measured[model][name])}" for model in there]
    return " · ".join([*parts, "blessed" if blessed else "not blessed"])


def _report(measured: Mapping[str, Mapping[str, float]], gates: Sequence[Gate], notes: Sequence[str]) -> dict[str, Any]:
    return {
        "metrics": {"test": measured.get("candidate", {})},
        "baselines": {name: each for name, each in measured.items() if name != "candidate"},
        "gates": [gate.as_json() for gate in gates],
        "notes": list(notes),
    }


class EvaluatorSpec(ComponentSpec):
    """Inputs, outputs and parameters of the Evaluator."""

    PARAMETERS = {
        "spec": ExecutionParameter(type=str),
        "options": ExecutionParameter(type=str),
        "fingerprint": ExecutionParameter(type=str),
    }
    INPUTS = {
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "model": ChannelParameter(type=standard_artifacts.Model),
        "baseline_model": ChannelParameter(type=standard_artifacts.Model, optional=True),
        "blessed_model": ChannelParameter(type=standard_artifacts.Model, optional=True),
    }
    OUTPUTS = {
        "evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "blessing": ChannelParameter(type=standard_artifacts.ModelBlessing),
    }


class Evaluator(base_beam_component.BaseBeamComponent):
    """Measures the candidate on the test split, and blesses it if all gates pass."""

    SPEC_CLASS = EvaluatorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        model: types.BaseChannel,
        spec: str,
        options: str,
        fingerprint: str,
        baseline_model: types.BaseChannel | None = None,
        blessed_model: types.BaseChannel | None = None,
    ) -> None:
        """Wires the stage.

        Args:
            examples: Examples with the splits train and test.
            model: the candidate.
            spec: `Spec.to_json()`.
            options: JSON `{"slices": [[feature, ...], ...], "gates": {metric: {"min": x}}}`, checked before by
                `models.evaluation.gates.check`.
            fingerprint: makes the cache see changed code.
            baseline_model: the linear model of the same run.
            blessed_model: the model that was blessed last; may resolve to none.
        """
        super().__init__(
            EvaluatorSpec(
                examples=examples,
                model=model,
                baseline_model=baseline_model,
                blessed_model=blessed_model,
                spec=spec,
                options=options,
                fingerprint=fingerprint,
                evaluation=types.Channel(type=standard_artifacts.ModelEvaluation),
                blessing=types.Channel(type=standard_artifacts.ModelBlessing),
            )
        )
