"""A metadata store that is filled as TFX fills it, for a graph whose stages have one parameter each."""

import dataclasses

from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2 as pb

from pipeline.graph import STAGES as DECLARED
from pipeline.run import fingerprints as fingerprints_of

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
        self.run_type = self.store.put_context_type(pb.ContextType(name="pipeline_run"))
        self.artifact_type = self.store.put_artifact_type(
            pb.ArtifactType(name="Thing", properties={}), can_add_fields=True
        )
        self.runs = 0
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
            + [pb.Event(artifact_id=artifact, execution_id=identifier, type=pb.Event.INPUT) for artifact in inputs]
        )
        contexts = [self.context("node", self.context_type, f"taxi.{stage.name}")]
        contexts.append(self.context("pipeline_run", self.run_type, f"run {self.runs}"))
        self.store.put_attributions_and_associations(
            [], [pb.Association(execution_id=identifier, context_id=context) for context in contexts]
        )
        return output

    def context(self, kind, type_id, name):
        """Returns the id of a context, which is added where it is new."""
        found = self.store.get_context_by_type_and_name(kind, name)
        return found.id if found else self.store.put_contexts([pb.Context(type_id=type_id, name=name)])[0]

    def run(self, marks, stop=None, state=pb.Execution.COMPLETE):
        """Adds an execution of every stage, as a first run would, up to `stop`."""
        self.runs += 1
        outputs = {}
        for stage in STAGES:
            inputs = [outputs[name] for name in stage.upstream]
            ends = stage.name == stop
            outputs[stage.name] = self.execute(stage, marks[stage.name], inputs, state if ends else 3)
            if ends:
                return
