"""Plans a run: which stages would be executed and which taken from the cache, and why. `--dry-run` prints it."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline.graph import Stage
from pipeline.run.fingerprints import Fingerprint
from pipeline.run.history import COMPLETE, Execution, History

_CHANGED = {
    "data_digest": "the content of the data has changed",
    "schema_digest": "the content of the schema file has changed",
    "preprocessing_digest": "the file of the preprocessing_fn has changed",
    "champion": "another model is served",
    "previous_statistics": "there are other earlier statistics",
}
# These change where a stage upstream changes, which is then the reason.
_FOLLOWS = (_CHANGED["champion"], _CHANGED["previous_statistics"])
_MOST_CHANGES = 4


@dataclasses.dataclass(frozen=True)
class Step:
    """What would happen to one stage: `run` or `cached`, with the reason."""

    stage: str
    state: str
    why: str


def plan(
    stages: Sequence[Stage], history: History, fingerprints: Mapping[str, Fingerprint], cache: bool = True
) -> list[Step]:
    """Returns what a run would do, stage by stage."""
    steps: list[Step] = []
    reused: dict[str, Execution] = {}
    for stage in stages:
        executions = [execution for execution in history.executions(stage.name) if execution.state == COMPLETE]
        wanted = fingerprints[stage.name]
        match = next((execution for execution in executions if _is_usable(execution, wanted, stage, reused)), None)
        if match and cache:
            reused[stage.name] = match
            steps.append(Step(stage.name, "cached", "nothing that it depends on has changed"))
        else:
            steps.append(Step(stage.name, "run", _why(stage, executions, wanted, steps, cache)))
    return steps


def _is_usable(execution: Execution, wanted: Fingerprint, stage: Stage, reused: Mapping[str, Execution]) -> bool:
    """Returns whether TFX's cache would take an execution: equal properties, the same inputs, all outputs there."""
    if execution.fingerprint != wanted or not all(artifact.usable for artifact in execution.outputs):
        return False
    if not all(name in reused for name in stage.upstream):
        return False
    produced = {artifact.id for name in stage.upstream for artifact in reused[name].outputs}
    return {artifact.id for artifact in execution.inputs} <= produced


def _why(stage: Stage, executions: Sequence[Execution], wanted: Fingerprint, steps: Sequence[Step], cache: bool) -> str:
    if not cache:
        return "the cache is off"
    if not executions:
        return "it has not run yet"
    last = executions[0].fingerprint
    upstream = [step.stage for step in steps if step.stage in stage.upstream and step.state == "run"]
    found = [change for change in changes(last, wanted) if not (upstream and change in _FOLLOWS)] if last else []
    if found:
        more = f" and {len(found) - _MOST_CHANGES} more" if len(found) > _MOST_CHANGES else ""
        return "; ".join(found[:_MOST_CHANGES]) + more
    if upstream:
        return f"{' and '.join(upstream)} would run"
    return "its earlier result does not fit or is no longer there"


def changes(last: Fingerprint, wanted: Fingerprint) -> Iterator[str]:
    """Yields what differs between two fingerprints, the upstream stages left out."""
    for name in _different(last.parameters, wanted.parameters):
        if not name.startswith("metadata.fingerprints."):  # these are the upstream again
            yield _change(name, last.parameters.get(name), wanted.parameters.get(name))
    if last.code != wanted.code:
        yield "its code has changed"
    for name in _different(last.libraries, wanted.libraries):
        yield f"{name}: {last.libraries.get(name)} → {wanted.libraries.get(name)}"


def _different(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    return [name for name in {**before, **after} if before.get(name) != after.get(name)]


def _change(name: str, before: Any, after: Any) -> str:
    if name in _CHANGED:
        return _CHANGED[name]
    shown = [text if len(text := str(value)) <= 30 else text[:27] + "..." for value in (before, after)]
    # The names of a user's settings: without the argument that carries the spec.
    return f"{name.removeprefix('spec.').replace('statistics_options.', 'statistics.')}: {shown[0]} → {shown[1]}"
