"""Tests the plan of a dry run against a real metadata store."""

import dataclasses

import pytest
from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2 as pb

from pipeline.graph import STAGES as DECLARED
from pipeline.run import fingerprints as fingerprints_of
from pipeline.run import plan
from pipeline.run.history import History

# The declared graph, each stage with one parameter.
STAGES = tuple(
    dataclasses.replace(stage, parameters=lambda run, name=stage.name: run.values[name]) for stage in DECLARED
)
VALUES = {stage.name: {"x": 1} for stage in STAGES}


@dataclasses.dataclass(frozen=True)
class Context:
    """The parameter of each stage."""

    values: dict[str, dict[str, int]]
    digests: dict[str, str] = dataclasses.field(default_factory=dict)


def fingerprints(values):
    return fingerprints_of.of_stages(STAGES, Context(values))[0]


class Store:
    """A metadata store that is filled as TFX fills it: a node context, an execution, its artifacts and their events."""

    def __init__(self, folder):
        self.folder = folder
        self.path = folder / "metadata.sqlite"
        config = pb.ConnectionConfig()
        config.sqlite.filename_uri = str(self.path)
        self.store = metadata_store.MetadataStore(config)
        self.context_type = self.store.put_context_type(pb.ContextType(name="node"))
        self.artifact_type = self.store.put_artifact_type(
            pb.ArtifactType(name="Thing", properties={}), can_add_fields=True
        )
        self.outputs = {}

    def execute(self, stage, fingerprint, inputs, state=pb.Execution.COMPLETE):
        """Adds one execution with one output; returns the output's id."""
        kind = pb.ExecutionType(name=stage.name, properties={"fingerprint": pb.STRING})
        execution = pb.Execution(type_id=self.store.put_execution_type(kind), last_known_state=state)
        execution.properties["fingerprint"].string_value = fingerprint.to_json()
        uri = self.folder / f"{stage.name}-{len(self.store.get_artifacts())}"
        uri.mkdir()
        artifact = pb.Artifact(type_id=self.artifact_type, uri=str(uri), state=pb.Artifact.LIVE)
        artifact.custom_properties["finding"].string_value = f"{stage.name} ran"
        artifact.custom_properties["report"].string_value = '{"rows": 3}'
        (output,) = self.store.put_artifacts([artifact])
        (identifier,) = self.store.put_executions([execution])
        self.store.put_events(
            [pb.Event(artifact_id=output, execution_id=identifier, type=pb.Event.OUTPUT)]
            + [pb.Event(artifact_id=artifact, execution_id=identifier, type=pb.Event.INPUT) for artifact in inputs]
        )
        context = self.store.get_context_by_type_and_name("node", f"taxi.{stage.name}")
        known = context.id if context else None
        if known is None:
            (known,) = self.store.put_contexts([pb.Context(type_id=self.context_type, name=f"taxi.{stage.name}")])
        self.store.put_attributions_and_associations([], [pb.Association(execution_id=identifier, context_id=known)])
        return output

    def run(self, marks, stop=None, state=pb.Execution.COMPLETE):
        """Adds an execution of every stage, as a first run would."""
        outputs = {}
        for stage in STAGES:
            inputs = [outputs[name] for name in stage.upstream]
            ends = stage.name == stop
            outputs[stage.name] = self.execute(stage, marks[stage.name], inputs, state if ends else 3)
            if ends:
                return


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def steps(store, marks, cache=True):
    """Returns the plan as a mapping: stage to (state, why)."""
    planned = plan.plan(STAGES, History(store.path, "taxi"), marks, cache)
    return {step.stage: (step.state, step.why) for step in planned}


def test_without_a_store_everything_runs(tmp_path):
    planned = plan.plan(STAGES, History(tmp_path / "none.sqlite", "taxi"), fingerprints(VALUES))
    assert {(step.state, step.why) for step in planned} == {("run", "it has not run yet")}
    assert len(planned) == len(STAGES)


def test_unchanged_is_cached(store):
    store.run(fingerprints(VALUES))
    assert {state for state, _ in steps(store, fingerprints(VALUES)).values()} == {"cached"}


def test_without_the_cache_everything_runs(store):
    store.run(fingerprints(VALUES))
    assert set(steps(store, fingerprints(VALUES), cache=False).values()) == {("run", "the cache is off")}


def test_a_change_is_named_where_it_is_and_below_it(store):
    store.run(fingerprints(VALUES))
    planned = steps(store, fingerprints({**VALUES, "Trainer": {"x": 2}}))
    assert planned["Trainer"] == ("run", "x: 1 → 2")
    assert planned["Evaluator"] == ("run", "Trainer would run")
    assert planned["Pusher"] == ("run", "Trainer and Evaluator and ServingValidator would run")
    assert {name for name, (state, _) in planned.items() if state == "run"} == {
        "Trainer",
        "Evaluator",
        "ServingValidator",
        "Pusher",
    }


def test_changed_code_is_said(store):
    marks = fingerprints(VALUES)
    store.run({**marks, "Tuner": dataclasses.replace(marks["Tuner"], code="other", digest="other")})
    assert steps(store, marks)["Tuner"] == ("run", "its code has changed")


def test_a_run_that_was_killed_goes_on_from_the_last_finished_stage(store):
    store.run(fingerprints(VALUES), stop="Transform", state=pb.Execution.RUNNING)
    planned = steps(store, fingerprints(VALUES))
    assert planned["ExampleValidator"][0] == "cached"
    assert planned["Transform"] == ("run", "it has not run yet")


def test_a_result_that_is_gone_is_made_again(store):
    store.run(fingerprints(VALUES))
    next(store.folder.glob("Transform-*")).rmdir()
    planned = steps(store, fingerprints(VALUES))
    assert planned["Transform"] == ("run", "its earlier result does not fit or is no longer there")
    assert planned["SchemaGen"][0] == "cached"


def test_an_upgraded_library_is_said(store):
    marks = fingerprints(VALUES)
    before = {**marks["Tuner"].libraries, "keras": "3.0.0"}
    store.run({**marks, "Tuner": dataclasses.replace(marks["Tuner"], libraries=before)})
    now = marks["Tuner"].libraries["keras"]
    assert steps(store, marks)["Tuner"] == ("run", f"keras: 3.0.0 → {now}")


def test_the_statistics_of_the_data_before_are_known(store):
    marks = fingerprints(VALUES)
    store.run(marks)
    history = History(store.path, "taxi")
    assert history.validated_statistics(marks["StatisticsGen"].digest) is None
    assert history.validated_statistics("of other data").rpartition("/")[2].startswith("StatisticsGen-")


def test_history_tells_findings_newest_first(store):
    store.run(fingerprints(VALUES))
    (execution,) = History(store.path, "taxi").executions("Trainer")
    assert (execution.line, execution.report) == ("Trainer ran", {"rows": 3})
    assert History(store.path, "other").executions("Trainer") == []


def test_history_knows_what_did_not_finish(store):
    store.run(fingerprints(VALUES), stop="SchemaGen", state=pb.Execution.RUNNING)
    assert History(store.path, "taxi").unfinished() == [3]
