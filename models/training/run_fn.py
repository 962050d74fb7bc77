"""Defines TFX's `run_fn`: trains the model, and writes the served model and the report of the Trainer."""

import json
import pathlib
from typing import Any

import keras
import pyarrow as pa
import pyarrow.parquet as pq

from core import examples
from core.config_sections import Train
from core.spec import Spec
from models import families
from models.preprocessing.transform_graph import TransformGraph
from models.serving import export, made_rows
from models.trained import Predict, Trained
from models.training import dataset
from models.training import fn_args as fn_args_reader

_EXPECTED_ROWS = 1_000  # rows that the ServingValidator compares


def run_fn(fn_args: Any) -> None:
    """Trains the model and writes the outputs of the stage. TFX calls it.

    The served model goes to `fn_args.serving_model_dir`. The folder `fn_args.model_run_dir` gets TensorBoard's logs,
    `report.json`, and `expected.parquet`: rows of eval and rows made of them, with the predictions of the model in
    memory in the column `examples.PREDICTION`.
    """
    spec, options, graph = fn_args_reader.read(fn_args, Train)
    folder = pathlib.Path(fn_args.model_run_dir)
    allocator = dataset.ArrayAllocator(directory=fn_args.model_run_dir)
    eval_uri = fn_args_reader.split_uri(fn_args.eval_files)
    train = dataset.load(fn_args_reader.split_uri(fn_args.train_files), graph, allocator=allocator)
    validation = dataset.load(eval_uri, graph, allocator=allocator)
    family = families.FAMILIES[spec.family]
    tuned = (fn_args.hyperparameters or {}).get("values", {})
    hyperparameters = family.defaults({**tuned, **spec.hyperparameters})
    board = keras.callbacks.TensorBoard(folder, write_graph=False)
    trained = family.fit(spec, graph.inputs, hyperparameters, train, validation, options, callbacks=[board])
    export.save(fn_args.serving_model_dir, spec, graph, trained.predictor)
    _write_expected(folder / "expected.parquet", eval_uri, graph, trained)
    (folder / "report.json").write_text(json.dumps(_report(spec, trained)), encoding="utf-8")


def _write_expected(path: pathlib.Path, split_uri: str, graph: TransformGraph, trained: Trained) -> None:
    raw = examples.read(examples.row_groups(split_uri)[0]).slice(0, _EXPECTED_ROWS)
    predict = Predict(trained.predictor)
    raw = made_rows.add(raw, graph.spec.features, made_rows.bases(predict(graph(raw))))
    predictions = predict(graph(raw))
    column = pa.array(list(predictions.reshape(raw.num_rows, -1)), pa.list_(pa.from_numpy_dtype(predictions.dtype)))
    pq.write_table(pa.Table.from_batches([raw]).append_column(examples.PREDICTION, column), path)


def _report(spec: Spec, trained: Trained) -> dict[str, Any]:
    return {
        "family": spec.family,
        "hyperparameters": trained.hyperparameters,
        "parameters": trained.predictor.count_params(),
        "epochs": trained.epochs,
        "trees": trained.trees,
        "history": trained.history,
        "metrics": {"eval": trained.metrics},
    }
