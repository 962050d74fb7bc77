"""Patterns with {SPAN}, {VERSION} or {YYYY}, {MM}, {DD}: which files are the newest, by the rules of TFX."""

import datetime
import glob
import re
from collections.abc import Iterable, Sequence

from core.errors import UserError

_PLACEHOLDER = re.compile(r"\{(SPAN|VERSION)(?::(\d+))?\}|\{(YYYY|MM|DD)\}")
_WIDTHS = {"YYYY": 4, "MM": 2, "DD": 2}


def has_span(pattern: str) -> bool:
    """Returns whether a pattern names a span."""
    return _PLACEHOLDER.search(pattern) is not None


def newest(pattern: str, number: int = 1) -> list[str]:
    """Returns a pattern with the newest spans filled in, the oldest first, and of each its newest version.

    Args:
        pattern: with placeholders.
        number: how many spans the window has, up to and with the newest: spans or days without a file count too.

    Raises:
        UserError: no file matches, or the pattern does not say which span a file is of.
    """
    _check(pattern)
    expression = re.compile(_regex(pattern))
    paths = glob.glob(_PLACEHOLDER.sub("*", pattern), recursive=True)
    ages = {_age(match): match for path in paths if (match := expression.fullmatch(path))}
    if not ages:
        raise UserError(
            f"No file matches {pattern}. {{SPAN}} and {{VERSION}} stand for whole numbers, {{YYYY}}, {{MM}} and {{DD}} "
            "for a date: look at what is in its folder, or give a glob."
        )
    _check_zeros(pattern, ages.values(), number)
    last = max(ages)[0]
    spans = {span: ages[span, version] for span, version in sorted(ages) if span > last - number}
    return [_filled(pattern, match) for match in spans.values()]


def label(patterns: Sequence[str], path: str) -> tuple[str, ...]:
    """Returns what the placeholders stand for in the path of a file; nothing where no pattern with a span fits."""
    for pattern in filter(has_span, patterns):
        if match := re.fullmatch(_regex(pattern), path):
            return match.groups()
    return ()


def _check(pattern: str) -> None:
    """Raises UserError unless a pattern has {SPAN}, or {YYYY}, {MM} and {DD}, and each placeholder once."""
    names = [match.group(1) or match.group(3) for match in _PLACEHOLDER.finditer(pattern)]
    if len(set(names)) < len(names) or set(names) - {"VERSION"} not in ({"SPAN"}, set(_WIDTHS)):
        raise UserError(
            f"{pattern} does not say which span a file is of. Write {{SPAN}}, or all of {{YYYY}}, {{MM}} and {{DD}}, "
            "each once, with or without one {VERSION}; put * where the same text comes again."
        )


def _check_zeros(pattern: str, matches: Iterable[re.Match[str]], number: int) -> None:
    """Raises UserError where older spans are asked for by numbers with leading zeros: TFX has to know how many."""
    if number == 1 or "{SPAN}" not in pattern:
        return
    for match in matches:
        text = match["SPAN"]
        if text.startswith("0") and len(text) > 1:
            raise UserError(
                f"The spans of {pattern} have leading zeros, such as {match.string}. Say how many digits they have, as "
                f"{pattern.replace('{SPAN}', f'{{SPAN:{len(text)}}}')}."
            )


def _filled(pattern: str, match: re.Match[str]) -> str:
    return _PLACEHOLDER.sub(lambda each: match.group(each.group(1) or each.group(3)), pattern)


def _age(match: re.Match[str]) -> tuple[int, int]:
    """Returns the number of a span, which is a day where it is a date, and its version.

    Raises:
        UserError: there is no such day.
    """
    parts = {name: int(text) for name, text in match.groupdict().items()}
    span, version = parts.get("SPAN", 0), parts.get("VERSION", 0)
    if "YYYY" in parts:
        try:
            span = datetime.date(parts["YYYY"], parts["MM"], parts["DD"]).toordinal()
        except ValueError as error:
            raise UserError(f"{match.string} is not of a date: {error}. Rename the file.") from None
    return span, version


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
