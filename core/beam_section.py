"""Declares the section of the configuration for Beam, which runs the data stages."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator

from core.config_types import Section


def _check_options(options: dict[str, Any]) -> dict[str, Any]:
    for name, value in options.items():
        if name.startswith("-") or "=" in name:
            raise ValueError(f"{name!r} is written as on a command line. Write it like direct_num_workers: 4.")
        if not all(
            isinstance(one, bool | int | float | str) for one in (value if isinstance(value, list) else [value])
        ):
            raise ValueError(f"{name} is {value!r}. Give a text, a number, true, false, or a list of them.")
    if "runner" in options:
        raise ValueError("the runner is named by `beam: {runner: ...}`. Take it out of the options.")
    return options


class Beam(Section):
    """The engine that runs the data stages."""

    runner: Literal["local", "flink", "spark", "dataflow", "prism"] = "local"
    """the engine: processes of this machine, a cluster of Flink or Spark, Google Cloud Dataflow, or Beam's Prism"""
    options: Annotated[dict[str, Any], AfterValidator(_check_options)] = {}
    """Beam's options for it by name, such as {direct_num_workers: 4}; true: without a value; false: left out"""
