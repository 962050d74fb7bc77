"""The stages, what each one depends on, and the fingerprint that this gives it.

A stage's fingerprint covers the part of the configuration that it uses, the source of the project's modules that it
imports, and the fingerprints of the stages before it. It travels to TFX as an execution property, so that TFX's cache
sees a change in code too, and it lets a dry run say what would run, and why, without importing TFX.
"""

import ast
import dataclasses
import difflib
import functools
import hashlib
import importlib.util
import json
import pathlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from core.errors import UserError
from core.spec import Spec

if TYPE_CHECKING:
    from pipeline.profile.resolution import Resolved

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGES = ("pipeline", "components", "models", "ingest", "core")


@dataclasses.dataclass(frozen=True)
class Stage:
    """One node of the graph.

    Attributes:
        name: its TFX node id.
        upstream: the nodes whose outputs it reads.
        modules: the modules of the project in which its work begins; what these import counts too.
    """

    name: str
    upstream: tuple[str, ...]
    modules: tuple[str, ...]


STAGES = (
    Stage("ExampleGen", (), ("components.example_gen.component",)),
    Stage("StatisticsGen", ("ExampleGen",), ("components.statistics_gen.component",)),
    Stage("SchemaGen", ("StatisticsGen",), ("components.schema_gen.component",)),
    Stage("PreviousSpan", ("StatisticsGen",), ("components.example_validator.previous_span",)),
    Stage(
        "ExampleValidator",
        ("ExampleGen", "StatisticsGen", "SchemaGen", "PreviousSpan"),
        ("components.example_validator.component",),
    ),
    Stage(
        "Transform",
        ("ExampleGen", "StatisticsGen", "SchemaGen"),
        ("components.transform.component", "models.preprocessing.preprocessing_fn"),
    ),
    Stage("Tuner", ("ExampleGen", "SchemaGen", "Transform"), ("components.tuner.component", "models.tuning.tuner_fn")),
    Stage(
        "Baseline", ("ExampleGen", "SchemaGen", "Transform"), ("components.trainer.component", "models.training.run_fn")
    ),
    Stage(
        "Trainer",
        ("ExampleGen", "SchemaGen", "Transform", "Tuner"),
        ("components.trainer.component", "models.training.run_fn"),
    ),
    Stage("Resolver", ("Trainer",), ("components.evaluator.blessed_model",)),
    Stage("Evaluator", ("ExampleGen", "Trainer", "Baseline", "Resolver"), ("components.evaluator.component",)),
    Stage(
        "ServingValidator",
        ("Trainer", "Evaluator"),
        ("components.serving_validator.component", "models.serving.parity_check"),
    ),
    Stage("Pusher", ("Trainer", "Evaluator", "ServingValidator"), ("components.pusher.component",)),
)
RESOLVERS = ("PreviousSpan", "Resolver")  # they look up an artifact of an earlier run, and do so every time
NAMES = tuple(stage.name for stage in STAGES)


@dataclasses.dataclass(frozen=True)
class Fingerprint:
    """What a stage's result depends on.

    Attributes:
        stage: the stage's name.
        parameters: what it takes from the configuration and the data, flat: dotted name to value.
        code: digest of the modules it uses.
        digest: digest of all of this and of the fingerprints upstream.
    """

    stage: str
    parameters: Mapping[str, Any]
    code: str
    digest: str

    def to_json(self) -> str:
        """Returns the fingerprint as JSON with sorted keys."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Fingerprint":
        """Returns the fingerprint that `to_json` wrote."""
        return cls(**json.loads(text))


def find(name: str) -> str:
    """Returns the stage of that name, whatever the case of its letters.

    Raises:
        UserError: there is none.
    """
    found = {known.lower(): known for known in NAMES}
    if name.lower() in found:
        return found[name.lower()]
    near = difflib.get_close_matches(name.lower(), list(found), n=1)
    hint = f" Did you mean {found[near[0]]}?" if near else ""
    raise UserError(f"There is no stage {name}.{hint} The stages are {', '.join(NAMES)}.")


def digest(*parts: object) -> str:
    """Returns a short digest of values that JSON can hold."""
    return hashlib.blake2b(json.dumps(parts, sort_keys=True, default=str).encode(), digest_size=12).hexdigest()


def narrow(spec: Spec, *fields: str) -> Spec:
    """Returns the spec with only the named fields of each feature, the rest at their defaults, and without the model.

    A data stage gets no more than it uses: otherwise a change of the model would run it again.
    """
    defaults = {"kind": "categorical"}
    features = tuple(
        type(feature)(**{**defaults, "name": feature.name, **{name: getattr(feature, name) for name in fields}})
        for feature in spec.features
    )
    return Spec(label=spec.label, features=features, weight=spec.weight)


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns nested mappings as one, the keys joined by dots."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def parameters(resolved: "Resolved", data: str, served: int) -> dict[str, dict[str, Any]]:
    """Returns what each stage takes from the configuration and from outside.

    Args:
        resolved: the resolved configuration.
        data: digest of the data's content.
        served: the newest version in the serving folder that came from another model; 0 where there is none.
    """
    settings = resolved.settings.model_dump(mode="json")
    spec = resolved.spec
    features = {feature.name: dataclasses.asdict(feature) for feature in spec.features}
    schema = resolved.settings.schema_file
    return {
        "ExampleGen": {
            "data": {**settings["data"], "content": data},
            "split": settings["split"],
            "label": dataclasses.asdict(spec.label),
            "weight": spec.weight,
            "slices": [*settings["statistics"]["slices"], *settings["evaluate"]["slices"]],
            "features": {name: {key: each[key] for key in ("payload", "repeated")} for name, each in features.items()},
        },
        "StatisticsGen": {
            "statistics": settings["statistics"],
            "features": {
                name: {key: each[key] for key in ("kind", "unit", "vocabulary", "buckets")}
                for name, each in features.items()
            },
        },
        "SchemaGen": {"schema_file": schema, "schema": file_digest(schema) if schema else None},
        "PreviousSpan": {},
        "ExampleValidator": {"validate": settings["validate"]},
        "Transform": {
            "features": features,
            "preprocessing_fn": spec.preprocessing_fn,
            "preprocessing_code": _function_digest(spec.preprocessing_fn),
        },
        "Tuner": {"model": settings["model"], "tune": settings["tune"]},
        "Baseline": {},
        "Trainer": {"model": settings["model"], "train": settings["train"]},
        "Resolver": {},
        "Evaluator": {"evaluate": settings["evaluate"]},
        "ServingValidator": {"serve": settings["serve"]},
        "Pusher": {"served": served},
    }


def fingerprints(values: Mapping[str, Mapping[str, Any]]) -> dict[str, Fingerprint]:
    """Returns the fingerprint of each stage, given its `parameters`."""
    found: dict[str, Fingerprint] = {}
    for stage in STAGES:
        flat = json.loads(json.dumps(flatten(values[stage.name])))  # as it will be read back: lists, not tuples
        code = code_digest(stage.modules)
        above = [found[name].digest for name in stage.upstream]
        found[stage.name] = Fingerprint(stage.name, flat, code, digest(stage.name, flat, code, above))
    return found


def file_digest(path: str | pathlib.Path) -> str:
    """Returns a digest of a file's content."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=12)).hexdigest()


def code_digest(modules: tuple[str, ...] = ()) -> str:
    """Returns a digest of the source of some modules and of all the project's modules that they import.

    Without an argument: of the whole project's source and of the lock of what it runs on.
    """
    if modules:
        return digest([_source_digest(name) for name in sorted(_closure(modules))])
    sources = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return digest([file_digest(path) for path in [*sources, ROOT / "requirements.lock"] if path.exists()])


@functools.cache
def _closure(modules: tuple[str, ...]) -> frozenset[str]:
    """Returns the modules and, transitively, the project's modules that they import."""
    seen: set[str] = set()
    todo = list(modules)
    while todo:
        name = todo.pop()
        if name not in seen and _path(name):
            seen.add(name)
            todo.extend(_imports(name))
    return frozenset(seen)


@functools.cache
def _path(module: str) -> pathlib.Path | None:
    base = ROOT.joinpath(*module.split("."))
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.exists()), None)


@functools.cache
def _source_digest(module: str) -> str:
    path = _path(module)
    return file_digest(path) if path else ""


def _imports(module: str) -> Iterator[str]:
    path = _path(module)
    assert path, module
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] in PACKAGES)


def _function_digest(dotted: str | None) -> str | None:
    """Returns a digest of the file in which a user's function is defined."""
    if not dotted:
        return None
    found = importlib.util.find_spec(dotted.rpartition(".")[0])
    return file_digest(found.origin) if found and found.origin else None
