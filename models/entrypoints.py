"""What TFX calls by name: `preprocessing_fn`, `tuner_fn` and `run_fn`.

TFX passes its `FnArgs`; our own parts come in `custom_config`: `spec`, `options` and `fingerprint`, each a text.
"""

import dataclasses
import hashlib
import json
import os
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

import keras
import pyarrow as pa
import pyarrow.parquet as pq

from models import dataset, examples, export, families, training, tuning
from models.preprocessing import preprocessing_fn
from models.spec import Spec
from models.transformed import TransformGraph

__all__ = ["preprocessing_fn", "run_fn", "tuner_fn"]

# Rows that are kept with what the model in memory gave for them.
_EXPECTED_ROWS = 1_000

Options = TypeVar("Options", training.Options, tuning.Options)


class TunerFnResult(NamedTuple):
    """What TFX's Tuner takes from `tuner_fn`."""

    tuner: tuning.Search
    fit_kwargs: dict[str, Any]


def tuner_fn(fn_args: Any) -> TunerFnResult:
    """Prepares the search for hyperparameters. TFX's Tuner runs it."""
    config = fn_args.custom_config
    spec, options = Spec.from_json(config["spec"]), _options(tuning.Options, config["options"])
    graph = TransformGraph(fn_args.transform_graph_path, spec)
    rows = options.max_rows
    train, held_out = (
        dataset.load(_split(files), graph, max_rows=rows, seed=options.seed)
        for files in (fn_args.train_files, fn_args.eval_files)
    )
    identity = [config, fn_args.train_files, fn_args.eval_files, fn_args.transform_graph_path]
    name = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]
    return TunerFnResult(tuning.Search(spec, graph.inputs, train, held_out, options, name), {"verbose": 0})


def run_fn(fn_args: Any) -> None:
    """Trains the model and writes what the stage leaves.

    In `fn_args.serving_model_dir` the served model; in `fn_args.model_run_dir` TensorBoard's logs, `report.json` with
    what there is to say of the model, and `expected.parquet`: some rows of eval with what the model in memory gave for
    them, in the column `prediction`.
    """
    config = fn_args.custom_config
    spec, options = Spec.from_json(config["spec"]), _options(training.Options, config["options"])
    graph = TransformGraph(fn_args.transform_graph_path, spec)
    budget = dataset.Budget(10**9, directory=fn_args.model_run_dir)
    train, held_out = (
        dataset.load(_split(files), graph, budget=budget) for files in (fn_args.train_files, fn_args.eval_files)
    )
    tuned = (fn_args.hyperparameters or {}).get("values", {})
    hyperparameters = families.defaults(spec.family, {**tuned, **spec.hyperparameters})
    board = keras.callbacks.TensorBoard(fn_args.model_run_dir, write_graph=False)
    trained = training.fit(spec, graph.inputs, hyperparameters, train, held_out, options, [board])
    export.save(fn_args.serving_model_dir, spec, graph, trained.predictor)
    _write_expected(
        os.path.join(fn_args.model_run_dir, "expected.parquet"), _split(fn_args.eval_files), held_out, trained
    )
    with open(os.path.join(fn_args.model_run_dir, "report.json"), "w", encoding="utf-8") as file:
        json.dump(_report(spec, trained), file)


def _options(kind: type[Options], text: str) -> Options:
    names = {field.name for field in dataclasses.fields(kind)}
    return kind(**{name: value for name, value in json.loads(text).items() if name in names})


def _split(patterns: Sequence[str]) -> str:
    """Returns the folder of the split that TFX names by a pattern of its files."""
    (pattern,) = patterns
    return os.path.dirname(pattern)


def _write_expected(path: str, split_uri: str, held_out: dataset.Rows, trained: training.Trained) -> None:
    raw = examples.read(examples.row_groups(split_uri)[0]).slice(0, _EXPECTED_ROWS)
    predictions = training.Predict(trained.predictor)(held_out.take(slice(0, raw.num_rows)).features)
    column = pa.array(list(predictions.reshape(raw.num_rows, -1)), pa.list_(pa.float32()))
    pq.write_table(pa.Table.from_batches([raw]).append_column(examples.PREDICTION, column), path)


def _report(spec: Spec, trained: training.Trained) -> dict[str, Any]:
    return {
        "family": spec.family,
        "hyperparameters": trained.hyperparameters,
        "parameters": trained.predictor.count_params(),
        "epochs": trained.epochs,
        "metrics": {"eval": trained.metrics},
    }
