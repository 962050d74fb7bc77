"""Checks that a part of the graph, from one stage to another, can run on the results of the last run."""

from collections.abc import Sequence

from core.errors import UserError
from pipeline.graph import Stage
from pipeline.run.history import History


def check(stages: Sequence[Stage], history: History, first: str, last: str | None, contents: bool = False) -> None:
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
