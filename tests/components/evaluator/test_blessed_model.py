"""The resolver strategy by itself, and in pipelines that TFX's BeamDagRunner runs one after the other."""

import pathlib
from typing import Any

import pytest
from apache_beam.options.pipeline_options import StandardOptions
from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.dsl.components.common import resolver
from tfx.orchestration import metadata, pipeline
from tfx.orchestration.beam import beam_dag_runner
from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.evaluator.blessed_model import LatestOtherBlessedModel


def _artifact(kind: type[types.Artifact], identity: int, **properties: int) -> types.Artifact:
    artifact = kind()
    artifact.id = identity
    for name, value in properties.items():
        artifact.set_int_custom_property(name, value)
    return artifact


def _resolve(candidate: int | None, blessed: dict[int, int]) -> list[int]:
    """Returns the ids of the models found among 1 to 4; `blessed` has the verdict by model, in the order given."""
    found = LatestOtherBlessedModel().resolve_artifacts(
        None,
        {
            "model": [_artifact(standard_artifacts.Model, identity) for identity in (1, 2, 3, 4)],
            "model_blessing": [
                _artifact(standard_artifacts.ModelBlessing, 100 + number, blessed=verdict, current_model_id=identity)
                for number, (identity, verdict) in enumerate(blessed.items())
            ],
            "candidate": [_artifact(standard_artifacts.Model, candidate)] if candidate else [],
        },
    )
    assert len(found["model"]) == len(found["model_blessing"])
    return [each.id for each in found["model"]]


def test_first_run_has_none():
    assert _resolve(candidate=1, blessed={}) == []


def test_candidate_that_was_blessed_before_is_left_out():
    assert _resolve(candidate=3, blessed={1: 1, 3: 1}) == [1]


def test_models_that_were_not_blessed_are_left_out():
    assert _resolve(candidate=4, blessed={1: 1, 2: 1, 3: 0}) == [2]


def test_the_latest_blessing_counts_and_not_the_latest_model():
    assert _resolve(candidate=4, blessed={2: 1, 1: 1}) == [1]


class _TrainerSpec(ComponentSpec):
    PARAMETERS = {"seed": ExecutionParameter(type=int)}
    INPUTS = {}
    OUTPUTS = {"model": ChannelParameter(type=standard_artifacts.Model)}


class _Train(base_executor.BaseExecutor):
    def Do(self, input_dict: Any, output_dict: Any, exec_properties: Any) -> None:
        pathlib.Path(output_dict["model"][0].uri, "seed").write_text(str(exec_properties["seed"]))


class _Trainer(base_component.BaseComponent):
    SPEC_CLASS = _TrainerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(_Train)

    def __init__(self, seed: int) -> None:
        super().__init__(_TrainerSpec(seed=seed, model=types.Channel(type=standard_artifacts.Model)))


class _JudgeSpec(ComponentSpec):
    PARAMETERS = {"verdicts": ExecutionParameter(type=str)}
    INPUTS = {
        "model": ChannelParameter(type=standard_artifacts.Model),
        "blessed_model": ChannelParameter(type=standard_artifacts.Model, optional=True),
    }
    OUTPUTS = {"blessing": ChannelParameter(type=standard_artifacts.ModelBlessing)}


class _Bless(base_executor.BaseExecutor):
    """Blesses, and notes beside whom it was asked about."""

    def Do(self, input_dict: Any, output_dict: Any, exec_properties: Any) -> None:
        seeds = [
            pathlib.Path(each.uri, "seed").read_text()
            for key in ("model", "blessed_model")
            for each in input_dict.get(key) or []
        ]
        with open(exec_properties["verdicts"], "a") as notes:
            notes.write(" over ".join(seeds) + "\n")
        blessing = output_dict["blessing"][0]
        blessing.set_int_custom_property("blessed", 1)
        blessing.set_int_custom_property("current_model_id", input_dict["model"][0].id)


class _Judge(base_component.BaseComponent):
    SPEC_CLASS = _JudgeSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(_Bless)

    def __init__(self, model: types.BaseChannel, blessed_model: types.BaseChannel, verdicts: str) -> None:
        blessing = types.Channel(type=standard_artifacts.ModelBlessing)
        super().__init__(_JudgeSpec(model=model, blessed_model=blessed_model, verdicts=verdicts, blessing=blessing))


def _run(folder: pathlib.Path, seed: int) -> None:
    trainer, baseline = _Trainer(seed), _Trainer(-seed).with_id("Baseline")
    latest = resolver.Resolver(
        strategy_class=LatestOtherBlessedModel,
        model=types.Channel(type=standard_artifacts.Model),
        model_blessing=types.Channel(type=standard_artifacts.ModelBlessing),
        candidate=trainer.outputs["model"],
    ).with_id("Resolver")
    judge = _Judge(trainer.outputs["model"], latest.outputs["model"], str(folder / "verdicts"))
    beam_dag_runner.BeamDagRunner().run(
        pipeline.Pipeline(
            pipeline_name="tiny",
            pipeline_root=str(folder / "artifacts"),
            components=[trainer, baseline, latest, judge],
            enable_cache=True,
            metadata_connection_config=metadata.sqlite_metadata_connection_config(str(folder / "metadata.sqlite")),
        )
    )


@pytest.mark.slow
def test_pipeline_compares_with_the_model_before_and_caches_what_is_unchanged(tmp_path, monkeypatch):
    monkeypatch.setattr(StandardOptions, "DEFAULT_RUNNER", "FnApiRunner")
    for seed in (1, 1, 2, 2, 3):
        _run(tmp_path, seed)
    assert (tmp_path / "verdicts").read_text().splitlines() == ["1", "2 over 1", "3 over 2"]
