"""Measures what a served model costs in a process that has just loaded it: the latency, the memory and the size."""

import os
import pathlib
import re
import time
from collections.abc import Mapping

import numpy as np

from core.serving_costs import ServingCosts
from models.serving.served_model import ServedModel

_ROOT = pathlib.Path(__file__).resolve().parents[2]
# By the number of rows of a request: the most requests that are timed.
_REQUESTS = {1: 200, 1024: 25}
_WARM_UP = 0.1  # of the requests come before those that are timed
_SECONDS = 0.6  # of a slow model fewer requests are timed, but not below
_LEAST = 11


def environment() -> dict[str, str]:
    """Returns that of a fresh process: on the CPU, where it starts at once and no trainer holds the memory."""
    return {
        **os.environ,
        "PYTHONPATH": str(_ROOT),
        "TF_USE_LEGACY_KERAS": "0",
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "1",
    }


def peak_memory_mb() -> float:
    """Returns the most memory that this process has had, in MB.

    It is Linux's own figure for this program: that of `resource` begins with the memory of the process that started it.
    """
    status = pathlib.Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    found = re.search(r"VmHWM:\s*(\d+) kB", status) or re.search(r"VmRSS:\s*(\d+) kB", status)
    return int(found.group(1)) * 1024 / 1e6 if found else 0.0


def measure(
    model: ServedModel, columns: Mapping[str, np.ndarray], load_s: float, memory_before_mb: float
) -> ServingCosts:
    """Returns the costs of a model that has not answered any request yet.

    Args:
        model: the model.
        columns: some rows as `predict` takes them, with at least one row.
        load_s: the seconds in which it was loaded.
        memory_before_mb: `peak_memory_mb` before it was loaded.
    """
    first, p50, p99 = _latency(model, columns, 1)
    first_1024, p50_1024, p99_1024 = _latency(model, columns, 1024)
    return ServingCosts(
        load_s=load_s,
        size_mb=sum(file.stat().st_size for file in pathlib.Path(model.path).rglob("*") if file.is_file()) / 1e6,
        memory_mb=max(0.0, peak_memory_mb() - memory_before_mb),
        first_ms=first,
        p50_ms=p50,
        p99_ms=p99,
        first_1024_ms=first_1024,
        p50_1024_ms=p50_1024,
        p99_1024_ms=p99_1024,
    )


def _latency(model: ServedModel, columns: Mapping[str, np.ndarray], rows: int) -> tuple[float, float, float]:
    """Returns the milliseconds of the first request, of the median one, and below which 99 % are."""
    request = {name: np.take(values, np.arange(rows) % len(values), axis=0) for name, values in columns.items()}
    times, began = list[float](), time.perf_counter()
    while len(times) < _REQUESTS[rows] and (len(times) < _LEAST or times[0] + _SECONDS > time.perf_counter() - began):
        start = time.perf_counter()
        model(request)
        times.append(time.perf_counter() - start)
    warm = times[max(1, int(len(times) * _WARM_UP)) :]
    return 1000 * times[0], 1000 * float(np.median(warm)), 1000 * float(np.quantile(warm, 0.99))
