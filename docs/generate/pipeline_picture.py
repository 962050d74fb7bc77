"""Draws the stages of the pipeline and the outputs that they read from each other: `docs/pipeline.svg`.

Each stage is a box, in the order in which data reach it. Each output is a vertical line that begins at the stage that
writes it. A dot on it marks a stage that reads it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from docs.generate import svg

ROW, BOX, MARGIN, PADDING = 58, 44, 18, 12
INPUT, OUTPUTS = 12, (37, 28)  # where lines meet a box, from its top; the nearest output lowest
GAP, SPACE = 34, 19  # from the boxes to the first line, and from a label to the next line
TABLE = "A table: CSV, Parquet, JSON lines, TFRecord"
SERVED = "serving/VERSION/"
LEGEND = "A line is an output of a stage; a dot marks a stage that reads it. Dashed: it must have succeeded."


class StageLike(Protocol):
    """The part of a declared stage that the picture shows."""

    @property
    def name(self) -> str:
        """The stage's id."""

    @property
    def component(self) -> str:
        """The dotted path of its component."""

    @property
    def inputs(self) -> Mapping[str, str]:
        """The outputs that it reads, each as `Stage.output`, by argument."""

    @property
    def after(self) -> Sequence[str]:
        """The stages that must have succeeded before."""


@dataclass(frozen=True)
class Lane:
    """One output and the rows of the stages that write and read it.

    Attributes:
        label: the output's name.
        start: the row of the stage that writes it.
        readers: the rows of the stages that read it.
        waits: whether the readers wait for the stage without reading an output.
    """

    label: str
    start: int
    readers: tuple[int, ...]
    waits: bool = False

    @property
    def end(self) -> int:
        """The row of the last reader."""
        return max(self.readers)


def picture(stages: Sequence[StageLike] | None = None) -> str:
    """Returns the SVG of the pipeline; without `stages`, of the declared ones."""
    if stages is None:
        from pipeline.graph import STAGES

        stages = STAGES
    rows = ordered(stages)
    columns = placed(lanes(rows))
    width = max(max(svg.text_width(row.name, "title"), svg.text_width(folder(row), "path")) for row in rows)
    width += 2 * PADDING
    left = [MARGIN + width + GAP]
    for column in columns:
        left.append(left[-1] + max(svg.text_width(lane.label, "label") for lane in column) + SPACE)
    drawn = [(lane, left[number]) for number, column in enumerate(columns) for lane in column]
    elements = [*_ends(len(rows), width), *_lines(drawn, width), *_inputs(drawn, len(rows), width)]
    for number, row in enumerate(rows):
        elements += _box(number, row, width)
    elements += [
        svg.text(x + 7, _top(lane.start) + BOX + 9, lane.label, "label", f"fill{_colour(lane.start)}")
        for lane, x in drawn
    ]
    right = max(left[-1] - SPACE + 7, MARGIN + width + GAP + svg.text_width(LEGEND, "small")) + MARGIN
    title = "The stages of the pipeline, in the order of the data, and the outputs that they read"
    return svg.document(right, _top(len(rows)) + 36, title, elements)


def folder(stage: StageLike) -> str:
    """Returns the folder of a stage, such as `components/example_gen/`."""
    return "/".join(stage.component.replace(":", ".").split(".")[:2]) + "/"


def ordered(stages: Sequence[StageLike]) -> list[StageLike]:
    """Returns the stages by the longest path that leads to them, then as declared."""
    depths: dict[str, int] = {}
    by_name = {stage.name: stage for stage in stages}

    def depth(name: str) -> int:
        if name not in depths:
            stage = by_name[name]
            before = {source.partition(".")[0] for source in stage.inputs.values()} | set(stage.after)
            depths[name] = 1 + max((depth(other) for other in before), default=-1)
        return depths[name]

    return sorted(stages, key=lambda stage: depth(stage.name))


def lanes(rows: Sequence[StageLike]) -> list[Lane]:
    """Returns a lane for each output that is read, and for each stage that another one waits for."""
    number = {row.name: index for index, row in enumerate(rows)}
    readers: dict[str, list[int]] = {}
    waiting: dict[str, list[int]] = {}
    for index, row in enumerate(rows):
        for source in dict.fromkeys(row.inputs.values()):
            readers.setdefault(source, []).append(index)
        for name in row.after:
            waiting.setdefault(name, []).append(index)
    made = [
        Lane(source.partition(".")[2], number[source.partition(".")[0]], tuple(indices))
        for source, indices in readers.items()
    ]
    return made + [Lane("success", number[name], tuple(indices), waits=True) for name, indices in waiting.items()]


def placed(found: Sequence[Lane]) -> list[list[Lane]]:
    """Returns the lanes in columns, short ones near the boxes; lanes in one column never overlap."""
    columns: list[list[Lane]] = []
    for lane in sorted(found, key=lambda lane: (lane.end - lane.start, lane.start)):
        for column in columns:
            if all(lane.end <= other.start or other.end <= lane.start for other in column):
                column.append(lane)
                break
        else:
            columns.append([lane])
    return columns


def _top(row: int) -> float:
    return 52 + row * ROW


def _colour(row: int) -> int:
    return row % len(svg.COLOURS)


def _box(number: int, stage: StageLike, width: float) -> list[str]:
    top = _top(number)
    return [
        svg.box(MARGIN, top, width, BOX, f"box stroke{_colour(number)}"),
        svg.text(MARGIN + PADDING, top + 18, stage.name, "title"),
        svg.text(MARGIN + PADDING, top + 35, folder(stage), "path"),
    ]


def _ends(count: int, width: float) -> list[str]:
    """Returns what goes into the first stage and what the last one leaves."""
    middle, bottom = MARGIN + width / 2, _top(count) - ROW + BOX
    return [
        svg.text(MARGIN, 24, TABLE, "label"),
        svg.text(MARGIN + width + GAP, _top(0) + 10, LEGEND, "small"),
        svg.path([(middle, 31), (middle, _top(0) - 1)], "line arrow"),
        svg.path([(middle, bottom), (middle, bottom + 24)], "line arrow"),
        svg.text(middle, bottom + 40, SERVED, "path", anchor="middle"),
    ]


def _lines(drawn: Sequence[tuple[Lane, float]], width: float) -> list[str]:
    """Returns the line of each output: out of its stage, then down to its last reader."""
    elements = []
    for lane, x in drawn:
        siblings = sorted(other_x for other, other_x in drawn if other.start == lane.start)
        rank = min(siblings.index(x), len(OUTPUTS) - 1)
        y = _top(lane.start) + OUTPUTS[rank]
        points = [(MARGIN + width, y), (x, y), (x, _top(lane.end) + INPUT)]
        elements.append(svg.path(points, f"lane stroke{_colour(lane.start)}" + " dashed" * lane.waits))
    return elements


def _inputs(drawn: Sequence[tuple[Lane, float]], count: int, width: float) -> list[str]:
    """Returns an arrow into each stage that reads something, with a dot on each line that it reads."""
    elements = []
    for row in range(count):
        read = [(lane, x) for lane, x in drawn if row in lane.readers]
        if read:
            y = _top(row) + INPUT
            elements.append(svg.path([(max(x for _, x in read), y), (MARGIN + width + 1, y)], "line arrow"))
            elements += [svg.dot(x, y, f"fill{_colour(lane.start)}") for lane, x in read]
    return elements
