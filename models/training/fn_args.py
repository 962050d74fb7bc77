"""Reads the `FnArgs` that TFX passes to `run_fn` and `tuner_fn`: `custom_config` holds the spec and the section."""

import math
import os
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from core import examples
from core.config.deployment import Serve
from core.config.types import Section
from core.spec import Spec
from models.preprocessing.transform_graph import TransformGraph

_CALLS = 25  # of which the latency is the median
_P99_IN_MEDIANS = 2  # 99 % of the requests take at most about so many times the median

SectionType = TypeVar("SectionType", bound=Section)


def read(fn_args: Any, section: type[SectionType]) -> tuple[Spec, SectionType, TransformGraph]:
    """Returns the spec, the section of the stage, and the transform graph.

    Args:
        fn_args: the argument of TFX; `custom_config` has `spec`, and the section as JSON under its name.
        section: the class of the section.
    """
    config = fn_args.custom_config
    spec = Spec.from_json(config["spec"])
    settings = section.model_validate_json(config[section.__name__.lower()])
    return spec, settings, TransformGraph(fn_args.transform_graph_path, spec)


def latency(fn_args: Any, graph: TransformGraph) -> float | None:
    """Returns the seconds in which a model may answer for one row by `serve.max_p50_ms` and `max_p99_ms`; None: any.

    The transform graph has a share of the time, which is measured here.
    """
    serve = Serve.model_validate_json(fn_args.custom_config.get("serve", "{}"))
    if serve.max_p50_ms is None and serve.max_p99_ms is None:
        return None
    limit = min(serve.max_p50_ms or math.inf, (serve.max_p99_ms or math.inf) / _P99_IN_MEDIANS)
    row = examples.read(examples.row_groups(split_uri(fn_args.eval_files))[0], list(graph.raw_types)).slice(0, 1)
    return max(0.0, limit / 1000 - median_seconds(lambda: graph(row)))


def median_seconds(call: Callable[[], object]) -> float:
    """Returns the median time of some calls."""
    times = []
    for _ in range(_CALLS):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def split_uri(patterns: Sequence[str]) -> str:
    """Returns the folder of a split, of whose files TFX gives the pattern."""
    (pattern,) = patterns
    return os.path.dirname(pattern)
