"""Declares the words that stand for values in texts, and formats the parts that messages share.

Those parts are near matches, lists of names, the accepted names and intervals.
"""

import difflib
import math
from collections.abc import Iterable, Sequence

NULL_WORDS = ("na", "n/a", "n.a.", "#n/a", "#na", "<na>", "nan", "-nan", "null", "none", "?", "-", ".")
TRUE_WORDS = ("true", "t", "yes", "y", "on", "1", "1.0")
FALSE_WORDS = ("false", "f", "no", "n", "off", "0", "0.0")


def near_match(given: str, accepted: Iterable[str]) -> str | None:
    """Returns the accepted name that is most similar to the given one, whatever the case; None without any."""
    by_folded = {name.casefold(): name for name in accepted}
    near = difflib.get_close_matches(given.casefold(), list(by_folded), n=1, cutoff=0.6)
    return by_folded[near[0]] if near else None


def did_you_mean(given: str, accepted: Iterable[str]) -> str:
    """Returns ` Did you mean ...?` where an accepted name is similar to the given one, else an empty text."""
    near = near_match(given, accepted)
    return f" Did you mean {near!r}?" if near else ""


def listing(names: Sequence[str], most: int = 12) -> str:
    """Returns names separated by commas, at most `most` of them, then how many more there are."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most:,} more" if len(names) > most else shown


def clause(error: object) -> str:
    """Returns the first line of an error's text without the full stop, to be continued by a sentence."""
    return str(error).strip().partition("\n")[0].rstrip(". ")


def last_lines(text: str) -> str:
    """Returns the end of the output of a process, which holds the reason why it failed."""
    return "\n".join(text.splitlines()[-20:])


def first_line(error: BaseException) -> str:
    """Returns the first line of an error's text, at most 300 characters, or its type where it has no text."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def unknown(kind: str, given: str, accepted: Sequence[str]) -> str:
    """Returns the message for a name that is not registered: what was given, what is accepted, what may be meant.

    Example:
        unknown("stage", "Trainr", ["Tuner", "Trainer"])
        # There is no stage 'Trainr'. Did you mean 'Trainer'? Expected one of Tuner, Trainer.
    """
    return f"There is no {kind} {given!r}.{did_you_mean(given, accepted)} Expected one of {listing(accepted, 40)}."


def between(value: float, low: float, high: float) -> str:
    """Returns a value with the ends of its interval, with as many digits as the width of the interval needs."""
    half = (high - low) / 2
    digits = max(0, min(6, 1 - math.floor(math.log10(half)))) if half > 0 else 3
    return f"{value:,.{digits}f} [{low:,.{digits}f}, {high:,.{digits}f}]"
