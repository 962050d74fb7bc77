"""Declares which texts of categories are the same value, such as `1.0` and `1`; see docs/values.md."""

import re
from collections.abc import Iterable, Sequence

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
