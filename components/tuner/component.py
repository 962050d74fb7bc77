"""Tuner: TFX's own, with our `tuner_fn`, and a word on the artifact about what was found."""

from typing import Any

from tfx import types
from tfx.components.tuner import component, executor
from tfx.dsl.components.base import executor_spec
from tfx.types import artifact_utils

from components.base import stage_report

TUNER_FN = "models.tuning.tuner_fn.tuner_fn"


class Executor(executor.Executor):  # type: ignore[misc]
    """The stock executor; the best trial is recorded on the hyperparameters."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Searches."""
        tuner = executor.search(input_dict, exec_properties, self._get_tmp_dir(), print_tuning_summary=False)
        executor.write_best_hyperparameters(tuner, output_dict)
        tuner.forget()
        best = artifact_utils.get_single_instance(output_dict["best_hyperparameters"])
        stage_report.record(best, tuner.finding(), trials=tuner.num_completed())


class Tuner(component.Tuner):  # type: ignore[misc]
    """Searches the hyperparameters of the spec's family.

    Args:
        examples: the raw rows.
        schema: the schema of the raw columns.
        transform_graph: what turns them into the model's inputs.
        spec: `Spec.to_json()`.
        options: `models.tuning.tuner_fn.Options` as JSON.
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
        fingerprint: str = "",
    ) -> None:
        super().__init__(
            examples=examples,
            schema=schema,
            transform_graph=transform_graph,
            tuner_fn=TUNER_FN,
            custom_config={"spec": spec, "options": options, "fingerprint": fingerprint},
        )
