"""Plans a run: which stages would be executed and which taken from the cache, and why. `--dry-run` prints it."""

import dataclasses
import shutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from core.errors import UserError
from pipeline.graph import Stage
from pipeline.run.fingerprints import Fingerprint
from pipeline.run.history import COMPLETE, Execution, History

_CHANGED = {
    "data_digest": "the content of the data has changed",
    "schema_digest": "the content of the schema file has changed",
    "augmentation_digest": "the file of train.augmentation has changed",
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
    stages: Sequence[Stage],
    history: History,
    fingerprints: Mapping[str, Fingerprint],
    cache: bool = True,
    contents: bool = False,
) -> list[Step]:
    """Returns what a run would do, stage by stage.

    Args:
        stages: the stages.
        history: the earlier executions.
        fingerprints: the fingerprint of each stage.
        cache: whether results of earlier runs may be used.
        contents: whether the contents of their files are compared with the digests, and not their sizes alone.
    """
    steps: list[Step] = []
    reused: dict[str, Execution] = {}
    for stage in stages:
        executions = _completed(history, stage)
        wanted = fingerprints[stage.name]
        usable = (execution for execution in executions if _is_usable(execution, wanted, stage, reused, contents))
        if cache and (match := next(usable, None)):
            reused[stage.name] = match
            steps.append(Step(stage.name, "cached", "nothing that it depends on has changed"))
        else:
            why = _why(stage, executions, wanted, steps, contents) if cache else "the cache is off"
            steps.append(Step(stage.name, "run", why))
    return steps


def check_part(stages: Sequence[Stage], history: History, first: str, last: str | None, contents: bool = False) -> None:
    """Checks the part of the graph that `--from` and `--to` name.

    Args:
        stages: all stages.
        history: the earlier executions.
        first: the stage that the part begins with.
        last: the stage that it ends with; None for the end of the graph.
        contents: whether the contents of the results are compared with their digests, and not their sizes alone.

    Raises:
        UserError: no way leads from the first stage to the last, or a result that the part reads is not there.
    """
    part = _between(stages, first, last)
    if not part:
        raise UserError(f"--to {last} does not depend on --from {first}, so no stage would run. Exchange or drop one.")
    remedy = "Run without --from: what has not changed is taken from the cache, and the rest is made again."
    ended, names = history.ended_in_last_run(), {stage.name for stage in part}
    for needed in (name for stage in part for name in stage.upstream if name not in names):
        if needed not in ended:
            raise UserError(f"--from {first} starts on the result of {needed}, and the last run has none. {remedy}")
        if damage := history.executions(needed, most=1)[0].damage(contents):
            raise UserError(f"--from {first} starts on the result of {needed}, which is damaged: {damage}. {remedy}")


def discard_damaged(
    stages: Sequence[Stage], history: History, fingerprints: Mapping[str, Fingerprint], contents: bool = False
) -> list[str]:
    """Removes the damaged results that TFX would take from its cache; returns a message for each stage that had one."""
    messages = []
    for stage in stages:
        wanted = fingerprints[stage.name]
        executions = [execution for execution in _completed(history, stage) if execution.fingerprint == wanted]
        outputs = (artifact for execution in executions for artifact in execution.outputs)
        damaged = {artifact.uri: damage for artifact in outputs if (damage := artifact.damage(contents))}
        newest = [artifact.uri for execution in executions[:1] for artifact in execution.outputs]
        if damage := next((damaged[uri] for uri in newest if uri in damaged), ""):
            messages.append(f"The earlier result of {stage.name} is damaged and not used: {damage}.")
        for uri in damaged:
            shutil.rmtree(uri, ignore_errors=True)
    return messages


def _completed(history: History, stage: Stage) -> list[Execution]:
    return [execution for execution in history.executions(stage.name) if execution.state == COMPLETE]


def _is_usable(
    execution: Execution, wanted: Fingerprint, stage: Stage, reused: Mapping[str, Execution], contents: bool
) -> bool:
    """Returns whether TFX's cache would take an execution: equal properties, the same inputs, all outputs there."""
    if execution.fingerprint != wanted or execution.damage(contents):
        return False
    if not all(name in reused for name in stage.upstream):
        return False
    produced = {artifact.id for name in stage.upstream for artifact in reused[name].outputs}
    return {artifact.id for artifact in execution.inputs} <= produced


def _why(
    stage: Stage, executions: Sequence[Execution], wanted: Fingerprint, steps: Sequence[Step], contents: bool
) -> str:
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
    if executions[0].fingerprint == wanted and (damage := executions[0].damage(contents)):
        return f"its earlier result is damaged: {damage}"
    return "its earlier result does not fit"


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


def _between(stages: Sequence[Stage], first: str, last: str | None) -> list[Stage]:
    """Returns the stages that depend on the first stage and on which the last depends, these two included."""
    below = {first}
    for stage in stages:
        if below & set(stage.upstream):
            below.add(stage.name)
    above = {last} if last else {stage.name for stage in stages}
    for stage in reversed(stages):
        if stage.name in above:
            above.update(stage.upstream)
    return [stage for stage in stages if stage.name in below & above]
