"""Defines the parts of a report: sections with texts, tables, charts and folded parts, as data without HTML."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup


@dataclasses.dataclass(frozen=True)
class Text:
    """A paragraph; `kind` is a class of the style sheet: `note` or `bad`."""

    text: str
    kind: str = ""
    name: str = "text"


@dataclasses.dataclass(frozen=True)
class Code:
    """A text in its own lines, such as a command."""

    text: str
    name: str = "code"


@dataclasses.dataclass(frozen=True)
class Table:
    """A table, whose first column names the row; the columns after `texts` are right-aligned."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    texts: int = 1
    name: str = "table"


@dataclasses.dataclass(frozen=True)
class Chart:
    """A picture with the table of its numbers."""

    title: str
    svg: Markup
    table: Table
    name: str = "chart"


@dataclasses.dataclass(frozen=True)
class Grid:
    """Charts side by side where the page is wide."""

    blocks: Sequence["Block"]
    name: str = "grid"


@dataclasses.dataclass(frozen=True)
class Fold:
    """A part that is opened by a click."""

    title: str
    blocks: Sequence["Block"]
    name: str = "fold"


@dataclasses.dataclass(frozen=True)
class Threshold:
    """A slider for the decision threshold, which moves the confusion matrix.

    Attributes:
        classes: the negative and the positive class.
        counts: `true_positives` and `false_positives` for each threshold, `positives` and `negatives`.
        table: the numbers for some thresholds, for a reader without JavaScript and for print.
    """

    classes: tuple[str, str]
    counts: dict[str, Any]
    table: Table
    name: str = "threshold"


Block = Text | Code | Table | Chart | Grid | Fold | Threshold


@dataclasses.dataclass(frozen=True)
class Section:
    """A section of the report.

    Attributes:
        anchor: its id in the page.
        title: its heading.
        blocks: its parts.
    """

    anchor: str
    title: str
    blocks: Sequence[Block]
