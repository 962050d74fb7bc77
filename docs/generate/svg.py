"""Writes the SVG elements that the pictures share: style sheet, boxes, lines and text of known width."""

from collections.abc import Iterable
from xml.sax.saxutils import escape

# Widths of characters in units of the font size, as in DejaVu Sans, which is wider than most system fonts.
NARROW = dict.fromkeys("fijlrtI.,:;'|!()[]/ ", 0.42) | dict.fromkeys("mwMW@%", 1.0)
LOWER, UPPER, BOLD, MONOSPACED = 0.62, 0.76, 1.1, 0.61
SIZES = {"title": 14, "name": 12, "path": 11, "label": 12, "small": 11}
# Colours of boxes and lines: (light, dark). Neighbours differ in hue and in brightness.
COLOURS = (
    ("#1f6fc4", "#6cb0f5"),
    ("#1a7f4b", "#57c98a"),
    ("#b35900", "#f0a04b"),
    ("#8250c4", "#bd9af5"),
    ("#0b7c86", "#4fc4cf"),
    ("#b8336a", "#f28bb4"),
)
THEME = {
    "background": ("#ffffff", "#0d1117"),
    "band": ("#f4f6f8", "#161b22"),
    "box": ("#ffffff", "#1c2129"),
    "text": ("#1b1f24", "#e6edf3"),
    "muted": ("#57606a", "#9aa5b1"),
    "line": ("#6e7781", "#8b949e"),
}
STYLE = """
text{font-family:system-ui,Helvetica,Arial,sans-serif;fill:var(--text)}
.title{font-size:14px;font-weight:600}
.name{font-size:12px;font-weight:600}
.path{font-size:11px;font-family:ui-monospace,Menlo,Consolas,monospace;fill:var(--muted)}
.label{font-size:12px;stroke:var(--background);stroke-width:4px;paint-order:stroke}
.small{font-size:11px;fill:var(--muted)}
.background{fill:var(--background)}
.band{fill:var(--band)}
.box{fill:var(--box);stroke-width:1.5}
.line{fill:none;stroke:var(--line);stroke-width:1.6}
.lane{fill:none;stroke-width:2.2}
.dashed{stroke-dasharray:5 4}
.arrow{marker-end:url(#head)}
#head path{fill:var(--line)}
"""
MARKER = (
    '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
    'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0 L10 5 L0 10 z"/></marker></defs>'
)


def document(width: float, height: float, title: str, elements: Iterable[str]) -> str:
    """Returns a picture that follows the reader's light or dark colour scheme.

    Args:
        width: in pixels at full size.
        height: in pixels at full size.
        title: what a screen reader says.
        elements: the SVG elements in drawing order.
    """
    variables = [_variables(0), f"@media (prefers-color-scheme:dark){{{_variables(1)}}}"]
    colours = [
        f".stroke{number}{{stroke:var(--colour{number})}}.fill{number}{{fill:var(--colour{number})}}"
        for number in range(len(COLOURS))
    ]
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" role="img" aria-labelledby="title">',
        f'<title id="title">{escape(title)}</title>',
        "<style>",
        *variables,
        STYLE.strip(),
        *colours,
        "</style>",
        MARKER,
        f'<rect class="background" width="{width:g}" height="{height:g}" rx="10"/>',
        *elements,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _variables(scheme: int) -> str:
    pairs = {**THEME, **{f"colour{number}": colour for number, colour in enumerate(COLOURS)}}
    return "svg{" + ";".join(f"--{name}:{colours[scheme]}" for name, colours in pairs.items()) + "}"


def text_width(text: str, kind: str) -> float:
    """Returns the estimated width of a text in pixels, on the high side.

    Args:
        text: one line.
        kind: a class of the style sheet that has a size: `title`, `name`, `path`, `label` or `small`.
    """
    if kind == "path":
        return len(text) * MONOSPACED * SIZES[kind]
    units = sum(NARROW.get(character, UPPER if character.isupper() else LOWER) for character in text)
    return units * SIZES[kind] * (BOLD if kind in ("title", "name") else 1)


def text(x: float, y: float, content: str, kind: str, classes: str = "", anchor: str = "start") -> str:
    """Returns a line of text; x and y are the start (or middle, or end) of its baseline."""
    names = f"{kind} {classes}".strip()
    return f'<text class="{names}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(content)}</text>'


def box(x: float, y: float, width: float, height: float, classes: str) -> str:
    """Returns a rectangle with round corners."""
    return f'<rect class="{classes}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="7"/>'


def path(points: Iterable[tuple[float, float]], classes: str) -> str:
    """Returns a line through the points."""
    return f'<path class="{classes}" d="M' + " L".join(f"{x:g} {y:g}" for x, y in points) + '"/>'


def dot(x: float, y: float, classes: str) -> str:
    """Returns a filled circle."""
    return f'<circle class="{classes}" cx="{x:g}" cy="{y:g}" r="4.5"/>'


def wrapped(words: Iterable[str], width: float, kind: str, separator: str = ", ") -> list[str]:
    """Returns the words in as few lines as fit the width."""
    lines: list[str] = []
    for word in words:
        longer = f"{lines[-1]}{separator}{word}" if lines else word
        if lines and text_width(longer + separator, kind) <= width:
            lines[-1] = longer
        else:
            if lines:
                lines[-1] += separator.rstrip()
            lines.append(word)
    return lines
