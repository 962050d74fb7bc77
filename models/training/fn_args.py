"""What the entry points read from the `FnArgs` that TFX passes: our parts of it come in `custom_config`, as texts."""

import dataclasses
import json
import os
from collections.abc import Sequence
from typing import Any, TypeVar

from core.spec import Spec
from models.preprocessing.transform_graph import TransformGraph

Options = TypeVar("Options")


def read(fn_args: Any, options: type[Options]) -> tuple[Spec, Options, TransformGraph]:
    """Returns what a stage is to do.

    Args:
        fn_args: TFX's; `custom_config` holds `spec`, and `options` as JSON.
        options: the dataclass of the stage's options; what it does not know is left aside.
    """
    spec = Spec.from_json(fn_args.custom_config["spec"])
    values = json.loads(fn_args.custom_config["options"])
    names = [field.name for field in dataclasses.fields(options)]  # type: ignore[arg-type]
    chosen = options(**{name: values[name] for name in names if name in values})
    return spec, chosen, TransformGraph(fn_args.transform_graph_path, spec)


def split_uri(patterns: Sequence[str]) -> str:
    """Returns the folder of the split that TFX names by a pattern of its files."""
    (pattern,) = patterns
    return os.path.dirname(pattern)
