"""Reads the `FnArgs` that TFX passes to `run_fn` and `tuner_fn`: `custom_config` holds the spec and the section."""

import os
from collections.abc import Sequence
from typing import Any, TypeVar

from core.config.types import Section
from core.spec import Spec
from models.preprocessing.transform_graph import TransformGraph

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


def split_uri(patterns: Sequence[str]) -> str:
    """Returns the folder of a split, of whose files TFX gives the pattern."""
    (pattern,) = patterns
    return os.path.dirname(pattern)
