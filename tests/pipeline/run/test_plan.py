"""What a dry run says, against a real metadata store."""

import dataclasses
import pathlib

import pytest
from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2 as pb

from models.serving import model_versions
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
        self.properties = {}  # further properties of the outputs, by stage

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
        for name, value in self.properties.get(stage.name, {}).items():
            artifact.custom_properties[name].string_value = value
        (output,) = self.store.put_artifacts([artifact])
        (identifier,) = self.store.put_executions([execution])
        self.store.put_events(
            [pb.Event(artifact_id=output, execution_id=identifier, type=pb.Event.OUTPUT)]
            + [pb.Event(artifact_id=each, execution_id=identifier, type=pb.Event.INPUT) for each in inputs]
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


def steps(store, marks, **options):
    """Returns the plan as a mapping: stage to (state, why)."""
    planned = plan.plan(STAGES, History(store.path, "taxi"), marks, **options)
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
    (gone,) = store.folder.glob("Transform-*")
    gone.rmdir()
    planned = steps(store, fingerprints(VALUES))
    assert planned["Transform"] == ("run", f"its earlier result is damaged: {gone} is missing")
    assert planned["SchemaGen"][0] == "cached"


@pytest.fixture
def trained(store):
    """Returns a file of the Trainer's output after a run, with its content recorded."""
    store.run(fingerprints(VALUES))
    (execution,) = History(store.path, "taxi").executions("Trainer")
    (output,) = execution.outputs
    file = pathlib.Path(output.uri, "variables", "data")
    file.parent.mkdir()
    file.write_text("weights")
    output.record_files()
    return file


def damage(file, kind):
    if kind == "gone":
        file.unlink()
        return f"{file} is missing"
    file.write_text("weigh")
    return f"{file} has 5 bytes in place of 7"


@pytest.mark.parametrize("kind", ["gone", "cut"])
def test_a_damaged_file_makes_its_stage_and_those_below_run_again(store, trained, kind):
    assert {state for state, _ in steps(store, fingerprints(VALUES)).values()} == {"cached"}
    found = damage(trained, kind)
    planned = steps(store, fingerprints(VALUES))
    assert planned["Trainer"] == ("run", f"its earlier result is damaged: {found}")
    assert planned["Evaluator"] == ("run", "Trainer would run")
    assert planned["Tuner"][0] == planned["Baseline"][0] == "cached"


@pytest.mark.parametrize("kind", ["gone", "cut"])
def test_a_damaged_result_is_removed_before_a_run_and_others_are_not(store, trained, kind):
    marks, history = fingerprints(VALUES), History(store.path, "taxi")
    assert plan.discard_damaged(STAGES, history, marks) == []
    found = damage(trained, kind)
    assert plan.discard_damaged(STAGES, history, fingerprints({**VALUES, "Trainer": {"x": 2}})) == []
    expected = [f"The earlier result of Trainer is damaged and not used: {found}."]
    assert plan.discard_damaged(STAGES, history, marks) == expected
    assert not trained.parents[1].exists()
    assert len(list(store.folder.glob("*-*"))) == len(STAGES) - 1


def test_a_changed_content_of_the_same_size_is_found_where_contents_are_compared(store, trained):
    trained.write_text("WEIGHTS")
    assert steps(store, fingerprints(VALUES))["Trainer"][0] == "cached"
    planned = steps(store, fingerprints(VALUES), contents=True)
    assert planned["Trainer"] == ("run", f"its earlier result is damaged: the content of {trained} has changed")


def test_a_damaged_served_version_makes_the_pusher_run_again(store, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "saved_model.pb").write_text("graph")
    version = model_versions.push(tmp_path / "model", tmp_path / "serving", {}).path
    store.properties["Pusher"] = {"pushed_destination": str(version)}
    store.run(fingerprints(VALUES))
    assert steps(store, fingerprints(VALUES))["Pusher"][0] == "cached"
    (version / "saved_model.pb").write_text("gra")
    found = f"its earlier result is damaged: {version}/saved_model.pb has 3 bytes in place of 5"
    assert steps(store, fingerprints(VALUES))["Pusher"] == ("run", found)


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
