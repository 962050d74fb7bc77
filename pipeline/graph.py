"""Declares the stages of the pipeline: what each of them reads, and the parameters that it is given.

The TFX pipeline, the fingerprints, `--dry-run`, `--from` and `--to`, the order of the summary and the pictures of the
documentation are all made from `STAGES`. TFX and TensorFlow are imported only when the TFX pipeline is built.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any

from core import digests, text
from core.config.sections import Train
from core.errors import UserError
from core.spec import Spec
from pipeline.run_context import RunContext


@dataclasses.dataclass(frozen=True)
class Stage:
    """A node of the graph.

    Attributes:
        name: the id of its TFX node.
        component: the dotted path of its TFX component, which is imported when the TFX pipeline is built.
        inputs: the outputs that it reads: argument of the component to `Stage.output`.
        parameters: returns the other arguments of the component, JSON values. Values other than texts are passed as
            JSON. Together with the code and the stages upstream they make the fingerprint.
        after: stages that must have succeeded before, though no output of them is read.
        in_summary: whether its report is part of the summary.
        meanwhile: the dotted path of a context manager that starts what a later stage would wait for. A local run
            enters it when the stage starts, and exits it after the last stage.
    """

    name: str
    component: str
    inputs: Mapping[str, str]
    parameters: Callable[[RunContext], Mapping[str, Any]]
    after: tuple[str, ...] = ()
    in_summary: bool = True
    meanwhile: str = ""

    @property
    def upstream(self) -> tuple[str, ...]:
        """The names of the stages that it depends on, each once."""
        return tuple(dict.fromkeys([*(output.split(".")[0] for output in self.inputs.values()), *self.after]))


PREPARED = {
    "examples": "ExampleGen.examples",
    "schema": "SchemaGen.schema",
    "transform_graph": "Transform.transform_graph",
}

STAGES = (
    Stage(
        name="ExampleGen",
        component="components.example_gen.component.ExampleGen",
        inputs={},
        parameters=lambda run: {
            "source": json.loads(run.source.to_json()),
            "data_digest": run.data_digest,
            "spec": run.columns("payload", "repeated"),
            "split": run.section("split"),
            "slice_columns": run.slice_columns(),
        },
    ),
    Stage(
        name="StatisticsGen",
        component="components.statistics_gen.component.StatisticsGen",
        inputs={"examples": "ExampleGen.examples"},
        parameters=lambda run: {
            "spec": run.columns("payload", "repeated", "kind", "unit", "vocabulary", "buckets", "also_numeric"),
            "statistics_options": run.section("statistics"),
            "cache": run.cache("statistics"),
        },
    ),
    Stage(
        name="SchemaGen",
        component="components.schema_gen.component.SchemaGen",
        inputs={"statistics": "StatisticsGen.statistics"},
        parameters=lambda run: {
            "spec": run.columns("payload", "repeated", "kind"),
            "schema_file": run.settings.schema_file or "",
            "schema_digest": digests.of_file(run.settings.schema_file) if run.settings.schema_file else "",
        },
    ),
    Stage(
        name="ExampleValidator",
        component="components.example_validator.component.ExampleValidator",
        inputs={
            "statistics": "StatisticsGen.statistics",
            "schema": "SchemaGen.schema",
            "examples": "ExampleGen.examples",
        },
        parameters=lambda run: {
            "spec": run.columns("payload", "repeated", "kind"),
            "validate": run.settings.validation.model_dump(mode="json"),
            "previous_statistics": run.previous_statistics(),
        },
    ),
    Stage(
        name="Transform",
        component="components.transform.component.Transform",
        inputs={
            "examples": "ExampleGen.examples",
            "schema": "SchemaGen.schema",
            "statistics": "StatisticsGen.statistics",
        },
        parameters=lambda run: {
            "spec": run.model(family=Spec.family, hyperparameters={}),
            "preprocessing_digest": digests.of_module(run.spec.preprocessing_fn),
            "cache": run.cache("transform"),
        },
        after=("ExampleValidator",),
    ),
    Stage(
        name="Tuner",
        component="components.tuner.component.Tuner",
        inputs=PREPARED,
        parameters=lambda run: {
            "spec": run.model(),
            "tune": run.section("tune"),
            "train": run.training_of_trials(),
            "augmentation_digest": run.augmentation_digest(),
            **run.of_ensemble("serve"),
            **run.search(),
        },
    ),
    Stage(
        name="Baseline",
        component="components.trainer.component.Trainer",
        inputs=PREPARED,
        parameters=lambda run: {
            "spec": run.model(family="linear", hyperparameters={}),
            "train": Train(epochs=20).model_dump(mode="json"),
            "augmentation_digest": "",
            "serve": {},
            "champion": "",
            "backup": run.backup("Baseline"),
        },
        in_summary=False,
    ),
    Stage(
        name="Trainer",
        component="components.trainer.component.Trainer",
        inputs={**PREPARED, "hyperparameters": "Tuner.best_hyperparameters", "base_model": "Tuner.members"},
        parameters=lambda run: {
            "spec": run.model(),
            "train": run.section("train"),
            "augmentation_digest": run.augmentation_digest(),
            **run.of_ensemble("serve"),
            "champion": run.warm_start(),
            "backup": run.backup("Trainer"),
        },
    ),
    Stage(
        name="Challengers",
        component="components.challengers.component.Challengers",
        inputs={"examples": "ExampleGen.examples", "transform_graph": "Transform.transform_graph"},
        parameters=lambda run: {
            "spec": run.model(family=Spec.family, hyperparameters={}),
            "options": [challenger.model_dump(mode="json") for challenger in run.settings.challengers],
            "digests_of_estimators": {
                path: digests.of_named(path) for challenger in run.settings.challengers for path in challenger.paths
            },
        },
    ),
    Stage(
        name="Evaluator",
        component="components.evaluator.component.Evaluator",
        inputs={
            "examples": "ExampleGen.examples",
            "model": "Trainer.model",
            "baseline_model": "Baseline.model",
            "challengers": "Challengers.challengers",
        },
        parameters=lambda run: {
            "spec": run.model(),
            "evaluate": run.section("evaluate"),
            "champion": run.champion(),
        },
        meanwhile="components.serving_validator.fresh_process.started",
    ),
    Stage(
        name="ServingValidator",
        component="components.serving_validator.component.ServingValidator",
        inputs={"model": "Trainer.model", "model_run": "Trainer.model_run", "blessing": "Evaluator.blessing"},
        parameters=lambda run: {"spec": run.model(), "serve": run.section("serve")},
    ),
    Stage(
        name="Pusher",
        component="components.pusher.component.Pusher",
        inputs={
            "model": "Trainer.model",
            "blessing": "Evaluator.blessing",
            "infra_blessing": "ServingValidator.infra_blessing",
            "statistics": "StatisticsGen.statistics",
            "examples": "ExampleGen.examples",
        },
        parameters=lambda run: {
            "push_destination": run.serving(),
            "metadata": {
                "spec": run.spec.to_json(),
                "source": run.source.to_json(),
                "query": run.settings.data.query,
                "validate": run.settings.validation.model_dump(mode="json"),
                "fingerprints": {
                    "data": run.data_digest,
                    **{name: run.digests[name] for name in ("StatisticsGen", "Trainer")},
                },
            },
        },
    ),
)


BY_NAME: Mapping[str, Stage] = {stage.name: stage for stage in STAGES}


def stage_named(name: str) -> str:
    """Returns the name of a stage, given in any case.

    Raises:
        UserError: there is no such stage.
    """
    by_folded = {stage.name.casefold(): stage.name for stage in STAGES}
    if name.casefold() not in by_folded:
        raise UserError(text.unknown("stage", name, list(by_folded.values())))
    return by_folded[name.casefold()]
