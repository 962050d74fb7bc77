"""Measures what a trained model adds to the costs of the served model, so that the members of an ensemble keep `serve`.

The figures choose the members; the ServingValidator measures the whole served model again, in a fresh process.
"""

import math
import pathlib
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from core import examples
from core.config.deployment import Serve
from models.preprocessing.rows import TransformedRows
from models.preprocessing.transform_graph import TransformGraph
from models.trained import Predict
from models.training import fn_args as fn_args_reader
from models.training import loaded_memory

_CALLS = 25  # of which the latency is the median
_ROWS = 1_024  # of the largest request whose memory the ServingValidator measures
_P99_IN_MEDIANS = 2  # 99 % of the requests take at most about so many times the median


def limits(fn_args: Any, graph: TransformGraph) -> np.ndarray | None:
    """Returns what `serve` leaves for the members together, float64[4]; None where it has no limit that they change.

    The order is that of `measure`; the transform graph's share is measured here and taken off.
    """
    serve = Serve.model_validate_json(fn_args.custom_config.get("serve", "{}"))
    p50_ms, p99_ms = (limit or math.inf for limit in (serve.max_p50_ms, serve.max_p99_ms))
    others = (limit or math.inf for limit in (serve.max_size_mb, serve.max_memory_mb, serve.max_load_s))
    asked = np.array([min(p50_ms, p99_ms / _P99_IN_MEDIANS) / 1000, *others])
    if np.isinf(asked).all():
        return None
    limited, spent = np.isfinite(asked), np.zeros(len(asked))
    if limited[0]:
        row_group = examples.row_groups(fn_args_reader.split_uri(fn_args.eval_files))[0]
        row = examples.read(row_group, graph.columns).slice(0, 1)
        spent[0] = _median_seconds(lambda: graph(row))
    if limited[1]:
        spent[1] = sum(file.stat().st_size for file in pathlib.Path(graph.path).rglob("*") if file.is_file()) / 1e6
    if limited[2]:
        spent[2] = loaded_memory.measure(graph.path)
    if limited[3]:
        spent[3] = _load_seconds(graph.path)
    return np.maximum(0.0, asked - spent)


def measure(predictor: keras.Model, rows: TransformedRows, asked: np.ndarray) -> np.ndarray:
    """Returns the costs of a trained model, float64[4]; those without a limit are 0 and not measured.

    They are the seconds for a request of one row, the size of weights and graph in MB, the memory in MB with a request
    of `_ROWS` rows, and the seconds to load it.

    Args:
        predictor: the model.
        rows: some rows of eval.
        asked: the limits: see `limits`.
    """
    limited, costs = np.isfinite(asked), np.zeros(len(asked))
    if limited[0]:
        predict, first = Predict(predictor), rows.take(slice(0, 1)).features
        costs[0] = _median_seconds(lambda: predict(first))
    if limited[1:].any():
        with tempfile.TemporaryDirectory() as folder:
            predictor.export(folder, verbose=False)
            costs[1] = sum(keras.ops.convert_to_numpy(variable).nbytes for variable in predictor.variables) / 1e6
            costs[1] += pathlib.Path(folder, "saved_model.pb").stat().st_size / 1e6
            if limited[2]:
                costs[2] = loaded_memory.measure(folder, rows.take(slice(0, _ROWS)).features)
            if limited[3]:
                costs[3] = _load_seconds(folder)
    return np.where(limited, costs, 0.0)


def _load_seconds(path: str) -> float:
    """Returns the processor's seconds to load a SavedModel: other work beside this process does not count."""
    begin = time.process_time()
    tf.saved_model.load(path)
    return time.process_time() - begin


def _median_seconds(call: Callable[[], object]) -> float:
    times = []
    for _ in range(_CALLS):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)
