"""Models trained on literal rows by the project's stages, from Examples to the served model."""

import json
import pathlib
import types
from collections.abc import Mapping
from typing import Any

from tfx.types import standard_artifacts

from components.schema_gen import component as schema_gen
from components.transform import component as transform
from core.spec import Payload, Spec
from models.training import run_fn
from tests.components import data_stages


def train(
    folder: pathlib.Path,
    columns: Mapping[str, Payload],
    splits: Mapping[str, Mapping[str, list[Any]]],
    spec: Spec,
    **options: Any,
) -> pathlib.Path:
    """Trains a model on the split `train`, and returns its folder, with `run/` beside `model/`."""
    made = data_stages.write_examples(folder / "examples", columns, splits)
    inputs = {"examples": made, "statistics": data_stages.make_statistics(made, spec, folder / "statistics")}
    inputs["schema"] = data_stages.artifact(standard_artifacts.Schema, folder / "schema")
    given = {"statistics": inputs["statistics"]}
    data_stages.run(schema_gen.SchemaGen, given, {"schema": inputs["schema"]}, spec=spec.to_json())
    graph = data_stages.artifact(standard_artifacts.TransformGraph, folder / "graph")
    data_stages.run(transform.Transform, inputs, {"transform_graph": graph}, spec=spec.to_json())
    run_fn.run_fn(
        types.SimpleNamespace(
            custom_config={"spec": spec.to_json(), "train": json.dumps(options)},
            train_files=[f"{made.uri}/Split-train/*"],
            eval_files=[f"{made.uri}/Split-eval/*"],
            transform_graph_path=graph.uri,
            hyperparameters=None,
            model_run_dir=str(folder / "run"),
            serving_model_dir=str(folder / "model"),
        )
    )
    return folder
