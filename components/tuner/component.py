"""Tuner: TFX's Tuner with the project's `tuner_fn`, and a report of the best trial."""

from typing import Any

from tfx import types
from tfx.components.tuner import component, executor
from tfx.dsl.components.base import executor_spec
from tfx.types import artifact_utils

from components.base import stage_report

TUNER_FN = "models.tuning.tuner_fn.tuner_fn"


class Executor(executor.Executor):  # type: ignore[misc]
    """The stock executor, which also records the best trial on the hyperparameters."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Runs the search, and writes its result."""
        tuner = executor.search(input_dict, exec_properties, self._get_tmp_dir(), print_tuning_summary=False)
        executor.write_best_hyperparameters(tuner, output_dict)
        tuner.forget()
        best = artifact_utils.get_single_instance(output_dict["best_hyperparameters"])
        summary = {"model": {"trials": tuner.num_completed(), "search": tuner.report()}}
        stage_report.record(best, tuner.finding(), summary, trials=tuner.trials(), metric=tuner.metric)


class Tuner(component.Tuner):  # type: ignore[misc]
    """Searches the hyperparameters of the spec's family.

    Args:
        spec: `Spec.to_json()`.
        tune: the section `Tune` as JSON.
        directory: the folder of the trials until the search has ended, so that an interrupted search continues.
        logs: the folder of the trials' TensorBoard logs; empty for none.
        fingerprint: makes TFX's cache depend on the code.
        channels: the inputs of TFX's Tuner: `examples`, `schema` and `transform_graph`.
    """

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self, spec: str, tune: str, directory: str, logs: str, fingerprint: str, **channels: types.BaseChannel
    ) -> None:
        custom_config = {"spec": spec, "tune": tune, "directory": directory, "logs": logs, "fingerprint": fingerprint}
        super().__init__(**channels, tuner_fn=TUNER_FN, custom_config=custom_config)
