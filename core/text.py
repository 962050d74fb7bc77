"""Declares the words that stand for values in texts, and formats the parts that messages share.

Those parts are near matches, lists of names, the accepted names and intervals.
"""

import difflib
import math
import re
from collections.abc import Iterable, Sequence

NULL_WORDS = ("na", "n/a", "n.a.", "#n/a", "#na", "<na>", "nan", "-nan", "null", "none", "?", "-", ".")
TRUE_WORDS = ("true", "t", "yes", "y", "on", "1", "1.0")
FALSE_WORDS = ("false", "f", "no", "n", "off", "0", "0.0")
# The texts of one value in several forms: what they match as a whole, and the replacements that make them equal. Both
# Python and TensorFlow read these expressions.
SAME_VALUE: Sequence[tuple[str, Sequence[tuple[str, str]]]] = (
    (
        r"[+-]?[0-9]{1,30}(?:\.[0-9]{0,30})?",
        [(r"(\.[0-9]*?)0*$", r"\1"), (r"\.$", ""), (r"^(?:\+|(-))?0*([0-9])", r"\1\2"), ("^-0$", "0")],
    ),
    ("(?i:true)", [("^.*$", "true")]),
    ("(?i:false)", [("^.*$", "false")]),
    (r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T]00:00(?::00(?:\.0+)?)?(?:Z|[+-]00(?::?00)?)?)?", [("^(.{10}).*$", r"\1")]),
)


def plain_form(text: str) -> str | None:
    """Returns what all texts of a number, a truth value or a day have in common; None for other texts."""
    for pattern, replacements in SAME_VALUE:
        if re.fullmatch(pattern, text):
            for found, replacement in replacements:
                text = re.sub(found, replacement, text)
            return text
    return None


def plain_forms(texts: Iterable[str]) -> dict[str, str]:
    """Returns the text of each plain form; two texts with the same form stay apart, and have none."""
    found: dict[str, str | None] = {}
    for text in texts:
        plain = plain_form(text)
        if plain is not None:
            found[plain] = None if plain in found else text
    return {plain: text for plain, text in found.items() if text is not None}


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
