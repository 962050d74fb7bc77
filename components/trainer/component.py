"""Trainer: TFX's own, with our `run_fn`, and a word on the artifact about what was trained."""

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
    """The stock executor; what `run_fn` reports is recorded on the model."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Trains the model."""
        super().Do(input_dict, output_dict, exec_properties)
        run = pathlib.Path(artifact_utils.get_single_uri(output_dict["model_run"]))
        report = json.loads((run / "report.json").read_text(encoding="utf-8"))
        name, value = next(iter(report["metrics"]["eval"].items()))
        finding = f"{report['family']} · {report['parameters']:,} parameters · eval {name} {value:.4f}"
        stage_report.record(artifact_utils.get_single_instance(output_dict["model"]), finding, **report)


class Trainer(component.Trainer):  # type: ignore[misc]
    """Trains the spec's family.

    Args:
        examples: the raw rows.
        schema: the schema of the raw columns.
        transform_graph: what turns them into the model's inputs.
        spec: `Spec.to_json()`.
        options: `models.training.fit.Options` as JSON.
        hyperparameters: what the Tuner found; the family's defaults without it.
        fingerprint: changes when the code does.
    """

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        schema: types.BaseChannel,
        transform_graph: types.BaseChannel,
        spec: str,
        options: str,
        hyperparameters: types.BaseChannel | None = None,
        fingerprint: str = "",
    ) -> None:
        super().__init__(
            examples=examples,
            schema=schema,
            transform_graph=transform_graph,
            hyperparameters=hyperparameters,
            run_fn=RUN_FN,
            custom_config={"spec": spec, "options": options, "fingerprint": fingerprint},
        )
