"""Tuner: TFX's Tuner with the project's `tuner_fn`, a report of the best trial, and the models that it has trained."""

import os
from typing import Any

from tfx import types
from tfx.components.tuner import executor
from tfx.dsl.components.base import base_component, executor_spec
from tfx.proto import trainer_pb2
from tfx.types import artifact_utils, component_spec, standard_artifacts, standard_component_specs
from tfx.utils import json_utils, path_utils

from components.base import stage_report
from components.tuner import worker
from core import storage
from models.training import ensemble

TUNER_FN = "models.tuning.tuner_fn.tuner_fn"


class Executor(executor.Executor):  # type: ignore[misc]
    """The stock executor, which also records the best trial on the hyperparameters."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Runs the search, and writes its result."""
        with worker.given(input_dict, exec_properties):
            tuner = executor.search(input_dict, exec_properties, self._get_tmp_dir(), print_tuning_summary=False)
        executor.write_best_hyperparameters(tuner, output_dict)
        artifact = artifact_utils.get_single_instance(output_dict["members"])
        ensemble.save(path_utils.serving_model_dir(artifact.uri), getattr(tuner, "members", []))
        tuner.forget()
        summary = {"model": {"trials": tuner.num_completed(), "search": tuner.report()}}
        report = {"line": tuner.finding(), "summary": summary, "trials": tuner.trials(), "metric": tuner.metric}
        storage.write_json(_report(output_dict), report)
        record(output_dict)


def record(output_dict: dict[str, Any]) -> None:
    """Records the best trial on the hyperparameters."""
    best = artifact_utils.get_single_instance(output_dict["best_hyperparameters"])
    stage_report.record(best, **storage.read_json(_report(output_dict)))


def _report(output_dict: dict[str, Any]) -> str:
    return os.path.join(artifact_utils.get_single_uri(output_dict["tuner_results"]), "report.json")


class TunerSpec(standard_component_specs.TunerSpec):  # type: ignore[misc]
    """The specification of TFX's Tuner, with the trained members of an ensemble as a further output."""

    OUTPUTS = {
        **standard_component_specs.TunerSpec.OUTPUTS,
        "members": component_spec.ChannelParameter(type=standard_artifacts.Model),
    }


class Tuner(base_component.BaseComponent):  # type: ignore[misc]
    """Searches the hyperparameters of the spec's family, or with family `auto` the members of an ensemble.

    Args:
        spec: `Spec.to_json()`.
        tune: the section `Tune` as JSON.
        train: the section `Train` as JSON; where one family is tuned, what changes the training rows.
        augmentation_digest: of the file of `train.augmentation`; makes TFX's cache depend on it.
        serve: the section `Serve` as JSON, for the latency of an ensemble.
        directory: the folder of the trials until the search has ended, so that an interrupted search continues.
        logs: the folder of the trials' TensorBoard logs; empty for none.
        fingerprint: makes TFX's cache depend on the code.
        channels: the inputs of TFX's Tuner: `examples`, `schema` and `transform_graph`.
    """

    SPEC_CLASS = TunerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        spec: str,
        tune: str,
        train: str,
        augmentation_digest: str,
        serve: str,
        directory: str,
        logs: str,
        fingerprint: str,
        **channels: types.BaseChannel,
    ) -> None:
        config = {"spec": spec, "tune": tune, "train": train, "serve": serve, "directory": directory, "logs": logs}
        config["augmentation_digest"] = augmentation_digest
        specification = TunerSpec(
            **channels,
            tuner_fn=TUNER_FN,
            train_args=trainer_pb2.TrainArgs(),
            eval_args=trainer_pb2.EvalArgs(),
            custom_config=json_utils.dumps({**config, "fingerprint": fingerprint}),
            **{name: types.Channel(type=output.type) for name, output in TunerSpec.OUTPUTS.items()},
        )
        super().__init__(spec=specification)
