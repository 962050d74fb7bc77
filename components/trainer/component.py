"""Trainer: TFX's Trainer with the project's `run_fn`, and a report of the trained model."""

import json
import pathlib
from typing import Any

from tfx import types
from tfx.components.trainer import component, executor
from tfx.dsl.components.base import executor_spec
from tfx.types import artifact_utils

from components.base import stage_report

RUN_FN = "models.training.run_fn.run_fn"


class Executor(executor.GenericExecutor):  # type: ignore[misc]
    """The stock executor, which also records the report of `run_fn` on the model."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Trains the model."""
        super().Do(input_dict, output_dict, exec_properties)
        run = pathlib.Path(artifact_utils.get_single_uri(output_dict["model_run"]))
        report = json.loads((run / "report.json").read_text(encoding="utf-8"))
        name, value = next(iter(report["metrics"]["eval"].items()))
        line = f"{report['family']} · {report['parameters']:,} parameters · eval {name} {value:.4f}"
        summary = {
            "model": {key: report[key] for key in ("family", "hyperparameters", "parameters")},
            "metrics": report["metrics"],
        }
        stage_report.record(artifact_utils.get_single_instance(output_dict["model"]), line, summary, **report)


class Trainer(component.Trainer):  # type: ignore[misc]
    """Trains the spec's family.

    Args:
        examples: the raw rows.
        schema: the schema of the raw columns.
        transform_graph: what turns them into the model's inputs.
        spec: `Spec.to_json()`.
        train: the section `Train` as JSON.
        fingerprint: makes TFX's cache depend on the code.
        hyperparameters: the result of the Tuner; None for the defaults of the family.
    """

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        schema: types.BaseChannel,
        transform_graph: types.BaseChannel,
        spec: str,
        train: str,
        fingerprint: str,
        hyperparameters: types.BaseChannel | None = None,
    ) -> None:
        super().__init__(
            examples=examples,
            schema=schema,
            transform_graph=transform_graph,
            hyperparameters=hyperparameters,
            run_fn=RUN_FN,
            custom_config={"spec": spec, "train": train, "fingerprint": fingerprint},
        )
