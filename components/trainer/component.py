"""Trainer: TFX's Trainer with the project's `run_fn`, and a report of the trained model."""

import json
import pathlib
from typing import Any

from tfx import types
from tfx.components.trainer import component, executor
from tfx.dsl.components.base import executor_spec
from tfx.types import artifact_utils

from components.base import stage_report

_SUMMARY = ("family", "members", "temperature", "hyperparameters", "parameters", "time", "execution", "warm_start")
RUN_FN = "models.training.run_fn.run_fn"


class Executor(executor.GenericExecutor):  # type: ignore[misc]
    """The stock executor, which also records the report of `run_fn` on the model."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Trains the model."""
        super().Do(input_dict, output_dict, exec_properties)
        record(output_dict)


def record(output_dict: dict[str, Any]) -> None:
    """Records the report of `run_fn` on the model."""
    run = pathlib.Path(artifact_utils.get_single_uri(output_dict["model_run"]))
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    name, value = next(iter(report["metrics"]["eval"].items()))
    members = [f"{member['family']} {member['weight']:.2f}" for member in report["members"]]
    size = ", ".join(members) if len(members) > 1 else f"{report['parameters']:,} parameters"
    began = f" · {report['warm_start']}" if report["warm_start"] else ""
    line = f"{report['family']} · {size} · eval {name} {value:.4f}{began}"
    summary = {
        "model": {key: report[key] for key in _SUMMARY},
        "metrics": report["metrics"],
    }
    stage_report.record(artifact_utils.get_single_instance(output_dict["model"]), line, summary, **report)


class Trainer(component.Trainer):  # type: ignore[misc]
    """Trains the spec's family.

    Args:
        spec: `Spec.to_json()`.
        train: the section `Train` as JSON.
        serve: the section `Serve` as JSON, for the latency of an ensemble.
        augmentation_digest: of the file of `train.augmentation`; makes TFX's cache depend on it.
        champion: the folder of a version of the served model, from whose weights a network begins; empty for none.
        backup: the folder in which a training is kept until it has ended, so that one that was killed goes on.
        fingerprint: makes TFX's cache depend on the code.
        channels: the inputs of TFX's Trainer: `examples`, `schema`, `transform_graph` and, where the Tuner has found
            some, `hyperparameters`, and `base_model`, its trained members of an ensemble.
    """

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        spec: str,
        train: str,
        augmentation_digest: str,
        serve: str,
        champion: str,
        backup: str,
        fingerprint: str,
        **channels: types.BaseChannel,
    ) -> None:
        custom_config = {
            "spec": spec,
            "train": train,
            "augmentation_digest": augmentation_digest,
            "serve": serve,
            "champion": champion,
            "backup": backup,
            "fingerprint": fingerprint,
        }
        super().__init__(**channels, run_fn=RUN_FN, custom_config=custom_config)
