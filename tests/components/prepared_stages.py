"""Makes the inputs of Tuner and Trainer: Examples of a tiny table and their real transform graph."""

import dataclasses
import json
import pathlib
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.types import standard_artifacts
from tfx.utils import json_utils

from components.statistics_gen import statistics_pipeline
from components.statistics_gen.stats_accumulator import GeneratorOptions
from components.transform import component as transform
from core import examples
from core.config.sections import Statistics
from core.spec import Feature, Label, Spec, inputs_to_json

SPEC = Spec(
    Label("late", "binary", "int", ("0", "1")),
    (Feature("hour", "numeric", "float"), Feature("carrier", "categorical", "text")),
    family="linear",
)
COLUMNS = {"hour": "float", "carrier": "text", "late": "int"}
TYPES = {"float": schema_pb2.FLOAT, "text": schema_pb2.BYTES, "int": schema_pb2.INT}


@dataclasses.dataclass(frozen=True)
class Stages:
    """The inputs of an executor, and a folder for what it makes."""

    folder: pathlib.Path
    inputs: dict[str, list[types.Artifact]]

    def artifact(self, kind: type[types.Artifact], name: str) -> types.Artifact:
        """Returns an empty artifact."""
        return make(kind, self.folder / name)

    def run(
        self, executor: type[base_executor.BaseExecutor], outputs: dict[str, types.Artifact], **config: Any
    ) -> None:
        """Runs an executor as TFX would."""
        context = base_executor.BaseExecutor.Context(tmp_dir=str(self.folder / "tmp"), unique_id="1")
        function = config.pop("function")
        paths = {name: config.pop(name, "") for name in ("directory", "logs")}
        spec = dataclasses.replace(SPEC, family=config.pop("family", SPEC.family))
        train = config.pop("train", config)
        properties = {
            "train_args": "{}",
            "eval_args": "{}",
            **function,
            "custom_config": json_utils.dumps(
                {"spec": spec.to_json(), "train": json.dumps(train), "tune": json.dumps(config), **paths}
            ),
        }
        executor(context).Do(self.inputs, {name: [artifact] for name, artifact in outputs.items()}, properties)


def make(kind: type[types.Artifact], uri: pathlib.Path) -> types.Artifact:
    """Returns an artifact whose folder exists."""
    uri.mkdir(parents=True, exist_ok=True)
    artifact = kind()
    artifact.uri = str(uri)
    return artifact


def prepare(folder: pathlib.Path) -> Stages:
    """Makes everything for 256 rows of train and 64 of eval: late is who flies with AA after noon."""
    uri = folder / "examples"
    for split, rows in (("train", 256), ("eval", 64)):
        generator = np.random.default_rng(rows)
        hours, carriers = generator.integers(0, 24, rows), generator.choice(["AA", "UA"], rows)
        late = (hours > 12) & (carriers == "AA")
        columns = [
            [[float(hour)] for hour in hours],
            [[carrier.encode()] for carrier in carriers],
            [[int(value)] for value in late],
        ]
        schema = examples.arrow_schema(COLUMNS)
        with examples.SplitWriter(str(uri / f"Split-{split}" / "data.parquet"), schema) as writer:
            writer.write(pa.table(dict(zip(COLUMNS, columns, strict=True)), schema))
    statistics = _write_statistics(uri, folder / "statistics")
    schema = schema_pb2.Schema()
    for name, payload in COLUMNS.items():
        schema.feature.add(name=name, type=TYPES[payload])
    graph = make(standard_artifacts.TransformGraph, folder / "graph")
    inputs = transform.write_graph(graph.uri, schema, SPEC, str(statistics))
    (folder / "graph" / "inputs.json").write_text(inputs_to_json(inputs), encoding="utf-8")
    schema_artifact = make(standard_artifacts.Schema, folder / "schema")
    (folder / "schema" / "schema.pbtxt").write_text(str(schema), encoding="utf-8")
    artifact = make(standard_artifacts.Examples, uri)
    artifact.split_names = '["train", "eval"]'
    artifact.set_string_custom_property("payload_format", "FORMAT_PARQUET")
    artifact.set_string_custom_property("file_format", "FILE_FORMAT_PARQUET")
    return Stages(folder, {"examples": [artifact], "schema": [schema_artifact], "transform_graph": [graph]})


def _write_statistics(uri: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    folder.mkdir()
    groups = {"train": examples.row_groups(str(uri / "Split-train"))}
    options = GeneratorOptions.of(SPEC, Statistics())
    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        computed = statistics_pipeline.compute(pipeline, groups, list(COLUMNS), options)
        _ = computed | beam.Map(_write_file, str(folder))
    return folder / "train.pb"


def _write_file(named: tuple[str, bytes], folder: str) -> None:
    pathlib.Path(folder, f"{named[0]}.pb").write_bytes(named[1])
