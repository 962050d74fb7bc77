"""Defines TFX's `run_fn`: trains the model, and writes the served model and the report of the Trainer."""

import dataclasses
import json
import pathlib
from collections.abc import Sequence
from typing import Any

import keras
import pyarrow as pa
import pyarrow.parquet as pq

from core import examples
from core.config_sections import Train
from core.spec import Input, Spec
from models import families
from models.evaluation import metrics
from models.preprocessing.rows import TransformedRows
from models.serving import export
from models.trained import Predict, Trained
from models.training import dataset, ensemble
from models.training import fn_args as fn_args_reader
from models.training.ensemble import Member

_EXPECTED_ROWS = 1_000  # rows that the ServingValidator compares


def run_fn(fn_args: Any) -> None:
    """Trains the model and writes the outputs of the stage. TFX calls it.

    The served model goes to `fn_args.serving_model_dir`. The folder `fn_args.model_run_dir` gets TensorBoard's logs,
    `report.json`, and `expected.parquet`: rows of eval, with the predictions of the model in memory in the column
    `examples.PREDICTION`.
    """
    spec, options, graph = fn_args_reader.read(fn_args, Train)
    folder = pathlib.Path(fn_args.model_run_dir)
    allocator = dataset.ArrayAllocator(directory=fn_args.model_run_dir)
    eval_uri = fn_args_reader.split_uri(fn_args.eval_files)
    train = dataset.load(fn_args_reader.split_uri(fn_args.train_files), graph, allocator=allocator)
    validation = dataset.load(eval_uri, graph, allocator=allocator)
    tuned = (fn_args.hyperparameters or {}).get("values", {})
    if spec.family == families.AUTO:
        members = ensemble.load(getattr(fn_args, "base_model", None), tuned.get("members"), graph.inputs)
        predictor, report = _ensemble(spec, graph.inputs, members, train, validation, options, folder)
    else:
        family = families.FAMILIES[spec.family]
        hyperparameters = family.defaults({**tuned, **spec.hyperparameters})
        board = keras.callbacks.TensorBoard(folder, write_graph=False)
        trained = family.fit(spec, graph.inputs, hyperparameters, train, validation, options, callbacks=[board])
        predictor, report = trained.predictor, _report(spec, trained)
    export.save(fn_args.serving_model_dir, spec, graph, predictor)
    _write_expected(folder / "expected.parquet", eval_uri, validation, predictor)
    (folder / "report.json").write_text(json.dumps(report), encoding="utf-8")


def _ensemble(
    spec: Spec,
    inputs: tuple[Input, ...],
    members: Sequence[Member],
    train: TransformedRows,
    validation: TransformedRows,
    options: Train,
    folder: pathlib.Path,
) -> tuple[keras.Model, dict[str, Any]]:
    """Trains the members that are not yet, and returns the model of all with its report."""
    complete = []
    for number, member in enumerate(members, 1):
        if member.predictor is None:
            board = keras.callbacks.TensorBoard(folder / f"{number}-{member.family}", write_graph=False)
            fit = families.FAMILIES[member.family].fit
            trained = fit(spec, inputs, member.hyperparameters, train, validation, options, callbacks=[board])
            member = dataclasses.replace(member, predictor=trained.predictor)
        complete.append(member)
    if any(member.predictor is None for member in members):  # the weights were those of models of fewer rows
        complete = ensemble.reweighted(spec.label.task, complete, validation)
    predictor = ensemble.combine(complete, inputs)
    found = Predict(predictor)(validation.features)
    only = complete[0] if len(complete) == 1 else None
    return predictor, {
        "family": only.family if only else "ensemble",
        "hyperparameters": dict(only.hyperparameters) if only else {},
        "members": [member.to_json() for member in complete],
        "parameters": predictor.count_params(),
        "epochs": None,
        "history": {},
        "metrics": {"eval": metrics.compute(spec.label.task, validation.labels, found, validation.weights)},
    }


def _write_expected(path: pathlib.Path, split_uri: str, rows: TransformedRows, predictor: keras.Model) -> None:
    raw = examples.read(examples.row_groups(split_uri)[0]).slice(0, _EXPECTED_ROWS)
    predictions = Predict(predictor)(rows.take(slice(0, raw.num_rows)).features)
    column = pa.array(list(predictions.reshape(raw.num_rows, -1)), pa.list_(pa.from_numpy_dtype(predictions.dtype)))
    pq.write_table(pa.Table.from_batches([raw]).append_column(examples.PREDICTION, column), path)


def _report(spec: Spec, trained: Trained) -> dict[str, Any]:
    return {
        "family": spec.family,
        "hyperparameters": trained.hyperparameters,
        "members": [Member(spec.family, 1.0, trained.hyperparameters).to_json()],
        "parameters": trained.predictor.count_params(),
        "epochs": trained.epochs,
        "trees": trained.trees,
        "history": trained.history,
        "metrics": {"eval": trained.metrics},
    }
