"""Finds the newest files of patterns with {SPAN}, {VERSION} or {YYYY}, {MM}, {DD}, by the rules of TFX."""

import datetime
import re
from collections.abc import Iterable, Sequence

from core import storage
from core.errors import UserError

_PLACEHOLDER = re.compile(r"\{(SPAN|VERSION)(?::(\d+))?\}|\{(YYYY|MM|DD)\}")
_SET = r"\[!?\]?[^\]]*\]"
_WIDTHS = {"YYYY": 4, "MM": 2, "DD": 2}


def has_span(pattern: str) -> bool:
    """Returns whether a pattern names a span."""
    return _PLACEHOLDER.search(pattern) is not None


def newest(pattern: str, number: int = 1) -> list[str]:
    """Returns the pattern with the newest spans filled in, oldest first, each in its newest version.

    Args:
        pattern: with placeholders.
        number: how many spans the window has, the newest included; spans or days without a file count too.

    Raises:
        UserError: no file matches, or the pattern does not say which span a file belongs to.
    """
    _check_placeholders(pattern)
    expression = re.compile(_regex(pattern))
    paths = storage.glob(_PLACEHOLDER.sub("*", pattern))
    ages = {_age(match): match for path in paths if (match := expression.fullmatch(path))}
    if not ages:
        raise UserError(
            f"No file matches {pattern}. {{SPAN}} and {{VERSION}} stand for whole numbers, {{YYYY}}, {{MM}} and {{DD}} "
            "for a date: check its folder, or give a glob."
        )
    _check_no_leading_zeros(pattern, ages.values(), number)
    last = max(ages)[0]
    spans = {span: ages[span, version] for span, version in sorted(ages) if span > last - number}
    return [_filled(pattern, match) for match in spans.values()]


def label(patterns: Sequence[str], path: str) -> tuple[str, ...]:
    """Returns the values of the placeholders in the path of a file; none where no pattern with a span fits."""
    for pattern in filter(has_span, patterns):
        if match := re.fullmatch(_regex(pattern), path):
            return match.groups()
    return ()


def _check_placeholders(pattern: str) -> None:
    """Raises UserError unless a pattern has {SPAN}, or {YYYY}, {MM} and {DD}, and each placeholder once."""
    names = [match.group(1) or match.group(3) for match in _PLACEHOLDER.finditer(pattern)]
    if len(set(names)) < len(names) or set(names) - {"VERSION"} not in ({"SPAN"}, set(_WIDTHS)):
        raise UserError(
            f"{pattern} does not say which span a file belongs to. Write {{SPAN}}, or all of {{YYYY}}, {{MM}} and "
            "{DD}, each once, with or without one {VERSION}; put * where the same text is repeated."
        )


def _check_no_leading_zeros(pattern: str, matches: Iterable[re.Match[str]], number: int) -> None:
    """Raises UserError for several spans whose numbers have leading zeros: TFX needs their width."""
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
    return _PLACEHOLDER.sub(lambda place: match[place[1] or place[3]], pattern)


def _age(match: re.Match[str]) -> tuple[int, int]:
    """Returns the number of a span, or of its day where it is a date, and its version.

    Raises:
        UserError: the date does not exist.
    """
    parts = {name: int(text) for name, text in match.groupdict().items()}
    span, version = parts.get("SPAN", 0), parts.get("VERSION", 0)
    if "YYYY" in parts:
        try:
            span = datetime.date(parts["YYYY"], parts["MM"], parts["DD"]).toordinal()
        except ValueError as error:
            raise UserError(f"{match.string} has no valid date: {error}. Rename the file.") from None
    return span, version


def _regex(pattern: str) -> str:
    """Returns a regular expression for the paths that a pattern matches."""
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
    split = re.split(rf"(\*\*|\*|\?|{_SET})", text)
    return "".join(_set_regex(part) if re.fullmatch(_SET, part) else parts.get(part, re.escape(part)) for part in split)


def _set_regex(part: str) -> str:
    """Returns a set of characters in a glob, such as [ab], [!ab] or the escaped character [[], for `re`."""
    escaped = re.sub(r"[\[\]\\^]", r"\\\g<0>", part[1:-1])
    return f"[^{escaped[1:]}]" if escaped.startswith("!") else f"[{escaped}]"
