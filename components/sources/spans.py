"""Patterns with {SPAN}, {VERSION} or {YYYY}, {MM}, {DD}: which files are the newest, by the rules of TFX."""

import glob
import re

from models.errors import UserError

_PLACEHOLDER = re.compile(r"\{(SPAN|VERSION)(?::(\d+))?\}|\{(YYYY|MM|DD)\}")
_WIDTHS = {"YYYY": 4, "MM": 2, "DD": 2}


def has_span(pattern: str) -> bool:
    """Returns whether a pattern names a span."""
    return _PLACEHOLDER.search(pattern) is not None


def newest(pattern: str) -> str:
    """Returns a pattern with the placeholders of the newest span, and of its newest version, filled in.

    Raises:
        UserError: no file matches.
    """
    wildcard = _PLACEHOLDER.sub("*", pattern)
    expression = re.compile(_regex(pattern))
    found = [match for path in glob.glob(wildcard, recursive=True) if (match := expression.fullmatch(path))]
    if not found:
        raise UserError(
            f"No file matches {pattern}. {{SPAN}} and {{VERSION}} stand for whole numbers, {{YYYY}}, {{MM}} and {{DD}} "
            "for a date: look at what is in its folder, or give a glob."
        )
    best = max(found, key=_age)
    return _PLACEHOLDER.sub(lambda each: best.group(each.group(1) or each.group(3)), pattern)


def _age(match: re.Match[str]) -> tuple[int, ...]:
    parts = match.groupdict()
    return tuple(int(parts[name]) for name in ("SPAN", "YYYY", "MM", "DD", "VERSION") if name in parts)


def _regex(pattern: str) -> str:
    """Returns a regular expression for the paths that a pattern stands for."""
    result, position = "", 0
    for match in _PLACEHOLDER.finditer(pattern):
        result += _glob_regex(pattern[position : match.start()])
        name = match.group(1) or match.group(3)
        width = match.group(2) or _WIDTHS.get(name)
        result += f"(?P<{name}>[0-9]{{{width}}})" if width else f"(?P<{name}>[0-9]+)"
        position = match.end()
    return result + _glob_regex(pattern[position:])


def _glob_regex(text: str) -> str:
    parts = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(parts.get(part, re.escape(part)) for part in re.split(r"(\*\*|\*|\?)", text))
