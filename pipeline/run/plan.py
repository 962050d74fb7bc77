"""Which stages a run would execute and which it would take from the cache, and why: what `--dry-run` prints."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from pipeline.run.fingerprints import RESOLVERS, STAGES, Fingerprint, Stage
from pipeline.run.history import COMPLETE, Execution, History

_DIGESTS = {
    "data.content": "the data",
    "schema": "the content of the schema file",
    "preprocessing_code": "the file of the preprocessing_fn",
}


@dataclasses.dataclass(frozen=True)
class Step:
    """What would happen to one stage."""

    stage: str
    state: str
    why: str


def plan(history: History, fingerprints: Mapping[str, Fingerprint], cache: bool = True) -> list[Step]:
    """Returns what a run would do, stage by stage: `run` or `cached`, with the reason."""
    steps: list[Step] = []
    reused: dict[str, Execution] = {}
    for stage in STAGES:
        if stage.name in RESOLVERS:
            continue
        executions = [each for each in history.executions(stage.name) if each.state == COMPLETE]
        match = next(
            (each for each in executions if _fits(each, stage, fingerprints[stage.name], reused, history)), None
        )
        if match and cache:
            reused[stage.name] = match
            steps.append(Step(stage.name, "cached", "nothing that it depends on has changed"))
        else:
            steps.append(Step(stage.name, "run", _why(stage, executions, fingerprints, steps, cache)))
    return steps


def blessed_model(history: History, candidate: int | None) -> int | None:
    """Returns the id of the latest blessed model other than the candidate; None where there is none."""
    blessings = (artifact for each in history.executions("Evaluator") for artifact in each.outputs)
    models = (
        int(artifact.properties["current_model_id"])
        for artifact in blessings
        if artifact.properties.get("blessed") == 1 and artifact.live
    )
    return next((model for model in models if model != candidate), None)


def _fits(
    execution: Execution, stage: Stage, wanted: Fingerprint, reused: Mapping[str, Execution], history: History
) -> bool:
    """Tells whether TFX's cache would take an execution: equal properties, the very same inputs, all still there."""
    if execution.fingerprint != wanted or not all(artifact.usable for artifact in execution.outputs):
        return False
    upstream = [name for name in stage.upstream if name not in RESOLVERS]
    if not all(name in reused for name in upstream):
        return False
    inputs = {artifact.id for artifact in execution.inputs}
    produced = {artifact.id for name in upstream for artifact in reused[name].outputs}
    if "PreviousSpan" in stage.upstream:
        return True  # the span before the same statistics is always the same
    others = inputs - produced
    if "Resolver" not in stage.upstream:
        return not others
    candidate = next((artifact.id for artifact in reused["Trainer"].outputs if artifact.id in inputs), None)
    return others == ({blessed} if (blessed := blessed_model(history, candidate)) else set())


def _why(
    stage: Stage,
    executions: list[Execution],
    fingerprints: Mapping[str, Fingerprint],
    steps: list[Step],
    cache: bool,
) -> str:
    if not cache:
        return "the cache is off"
    upstream = [step.stage for step in steps if step.stage in stage.upstream and step.state == "run"]
    if not executions:
        return "it has not run yet"
    last, now = executions[0].fingerprint, fingerprints[stage.name]
    if last:
        changes = [
            *_changes(last.parameters, now.parameters),
            *(["its code has changed"] if last.code != now.code else []),
        ]
        if changes:
            return "; ".join(changes[:4]) + (f" and {len(changes) - 4} more" if len(changes) > 4 else "")
    if upstream:
        return f"{' and '.join(upstream)} would run"
    if "Resolver" in stage.upstream and last == now:
        return "the blessed model to beat is another one"
    return "its earlier result does not fit or is no longer there"


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Returns what differs between two flat mappings, one phrase a name."""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return [_change(name, before.get(name), after.get(name)) for name in names]


def _change(name: str, before: Any, after: Any) -> str:
    if name in _DIGESTS:
        return f"{_DIGESTS[name]} has changed"
    if name == "served":
        return f"another model is served, as version {after}" if after else "nothing is served any more"
    shown = [text if len(text := str(value)) <= 30 else text[:27] + "..." for value in (before, after)]
    return f"{name}: {shown[0]} → {shown[1]}"
