"""Computes the fingerprint of each stage: its parameters, its code, the libraries that this imports, and the upstream.

TFX gets a fingerprint as an execution property, so its cache depends on the code too. A dry run compares fingerprints
with those of earlier executions, without importing TFX.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

from core import digests
from pipeline.graph import Stage
from pipeline.run import code_dependencies
from pipeline.run_context import RunContext


@dataclasses.dataclass(frozen=True)
class Fingerprint:
    """Everything on which the result of a stage depends.

    Attributes:
        stage: the name of the stage.
        parameters: the parameters that it is given, flat: dotted name to JSON value.
        code: the digest of the source of its component and of the project's modules that this imports.
        libraries: the locked versions of the libraries that these modules import.
        upstream: the digest of the fingerprint of each stage that it depends on.
        digest: the digest of all of this.
    """

    stage: str
    parameters: Mapping[str, Any]
    code: str
    libraries: Mapping[str, str] = dataclasses.field(default_factory=dict)
    upstream: Mapping[str, str] = dataclasses.field(default_factory=dict)
    digest: str = ""

    def to_json(self) -> str:
        """Returns the fingerprint as JSON with sorted keys."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, content: str) -> "Fingerprint":
        """Returns the fingerprint that `to_json` wrote."""
        known = {field.name for field in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in json.loads(content).items() if name in known})


def of_stages(stages: Sequence[Stage], context: RunContext) -> tuple[dict[str, Fingerprint], dict[str, dict[str, str]]]:
    """Returns the fingerprint of each stage, and the arguments of its component that its parameters make."""
    found: dict[str, Fingerprint] = {}
    arguments: dict[str, dict[str, str]] = {}
    for stage in stages:
        known = {name: fingerprint.digest for name, fingerprint in found.items()}
        parameters = stage.parameters(dataclasses.replace(context, digests=known))
        found[stage.name] = of_stage(stage, parameters, known)
        arguments[stage.name] = {name: _argument(value) for name, value in parameters.items()}
    return found, arguments


def of_stage(stage: Stage, parameters: Mapping[str, Any], known: Mapping[str, str]) -> Fingerprint:
    """Returns the fingerprint of one stage, given those of the stages that are declared before."""
    module = stage.component.rpartition(".")[0]
    fingerprint = Fingerprint(
        stage=stage.name,
        parameters=flatten(json.loads(json.dumps(parameters))),  # as it is read back from JSON: lists, not tuples
        code=code_dependencies.digest_of_source(module),
        libraries=code_dependencies.library_versions(module),
        upstream={name: known[name] for name in stage.upstream},
    )
    return dataclasses.replace(fingerprint, digest=digests.of_values(dataclasses.asdict(fingerprint)))


def _argument(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns nested mappings as one, the keys joined by dots; mappings in a list are named by their `name`."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, list) and value and all(isinstance(item, dict) and "name" in item for item in value):
            value = {item["name"]: {name: item[name] for name in item if name != "name"} for item in value}
        if isinstance(value, Mapping) and value:
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat
