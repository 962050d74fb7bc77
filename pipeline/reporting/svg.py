"""Draws charts as SVG elements. The colours are classes of the report's style sheet; every text is escaped."""

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence

from markupsafe import Markup, escape

from pipeline.reporting.numbers import cut, number, tick

WIDTH, HEIGHT = 420, 260
LEFT, RIGHT, TOP, BOTTOM = 66, 12, 24, 40

Point = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class Series:
    """A named line, and how it is drawn: a class of the style sheet such as `s0` or `thin`."""

    name: str
    points: Sequence[Sequence[float]]
    style: str = "s0"


def tag(name: str, *content: object, **attributes: object) -> Markup:
    """Returns an element; attributes are written with - for _, and content that is not Markup is escaped."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_short(value))}"' for key, value in attributes.items()
    )
    return Markup(f"<{name}{written}>{''.join(map(escape, content))}</{name}>")


def _short(value: object) -> object:
    return f"{value:.5g}" if isinstance(value, float) else value


def picture(title: str, elements: Iterable[Markup], width: float = WIDTH, height: float = HEIGHT) -> Markup:
    """Returns a picture with a title for screen readers."""
    box = f"0 0 {width:g} {height:g}"
    return tag("svg", *elements, viewBox=box, role="img", aria_label=title, style=f"max-width:{width * 1.3:g}px")


def text(x: float, y: float, content: str, anchor: str = "start", style: str = "") -> Markup:
    """Returns a line of text."""
    return tag("text", content, x=x, y=y, text_anchor=anchor, class_=style)


def line(points: Iterable[Sequence[float]], style: str) -> Markup:
    """Returns a line through points."""
    return tag("path", d="M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points), class_=f"line {style}")


def bar(x: float, y: float, width: float, height: float, style: str, tip: str, opacity: float = 1.0) -> Markup:
    """Returns a rectangle with a tooltip."""
    shape = {"x": x, "y": y, "width": max(width, 0.0), "height": max(height, 0.0), "class_": f"fill {style}"}
    return tag("rect", tag("title", tip), **shape, **({} if opacity == 1 else {"fill_opacity": opacity}))


def scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    """Returns a linear map from [low, high] to pixels."""
    extent = high - low or 1.0
    return lambda value: start + (value - low) / extent * (end - start)


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Returns round numbers between two others."""
    extent = high - low
    if not extent > 0 or not math.isfinite(extent):
        return [low]
    step = 10 ** math.floor(math.log10(extent / most))
    step *= next((factor for factor in (1, 2, 5) if extent / (step * factor) <= most), 10)
    first = math.ceil(low / step - 1e-9)
    return [round(index * step, 12) for index in range(first, math.floor(high / step + 1e-9) + 1)]


class Axes:
    """A chart with two axes.

    Args:
        x: the lowest and the highest value of the horizontal axis.
        y: of the vertical axis.
        names: what the axes show.
        categories: the names of the values 0, 1, 2, ... of the horizontal axis, in place of numbers.
        whole: whether the horizontal axis counts.
    """

    def __init__(
        self, x: Point, y: Point, names: tuple[str, str], categories: Sequence[str] = (), whole: bool = False
    ) -> None:
        self.x, self.y = scale(*x, LEFT, WIDTH - RIGHT), scale(*y, HEIGHT - BOTTOM, TOP)
        self._names, self._x, self._y, self._categories, self._whole = names, x, y, categories, whole

    def elements(self) -> list[Markup]:
        """Returns grid lines, ticks and names."""
        bottom = HEIGHT - BOTTOM
        found = [line([(LEFT, bottom), (WIDTH - RIGHT, bottom)], "axis")]
        for value in ticks(*self._y):
            found.append(line([(LEFT, self.y(value)), (WIDTH - RIGHT, self.y(value))], "grid"))
            found.append(text(LEFT - 5, self.y(value) + 4, tick(value), "end", "tick"))
        named = [(value, tick(value)) for value in ticks(*self._x) if not self._whole or float(value).is_integer()]
        if self._categories:
            every = math.ceil(len(self._categories) / (6 if max(map(len, self._categories)) < 8 else 4))
            named = [(i, cut(name, 11)) for i, name in enumerate(self._categories) if i % every == 0]
        found += [text(self.x(value), bottom + 15, name, "middle", "tick") for value, name in named]
        middle = (TOP + bottom) / 2
        turned = {"transform": f"rotate(-90 10 {middle:g})", "text_anchor": "middle", "class_": "tick"}
        found.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, self._names[0], "middle", "tick"))
        found.append(tag("text", self._names[1], x=10, y=middle, **turned))
        return found


def lines(
    title: str,
    series: Sequence[Series],
    names: tuple[str, str],
    x: Point | None = None,
    y: Point | None = None,
    categories: Sequence[str] = (),
    extra: Callable[[Axes], Iterable[Markup]] = lambda axes: (),
) -> Markup:
    """Returns a line chart; the legend names the series that have a name."""
    points = [point for curve in series for point in curve.points]
    whole = x is None and all(isinstance(point[0], int) for point in points)
    x = (-0.4, len(categories) - 0.6) if categories else x or _extent([point[0] for point in points])
    axes = Axes(x, y or _extent([point[1] for point in points]), names, categories, whole)
    drawn = [line([(axes.x(a), axes.y(b)) for a, b in curve.points], curve.style) for curve in series if curve.points]
    named = [curve for curve in series if curve.name]
    return picture(title, [*axes.elements(), *extra(axes), *drawn, *(legend(named) if len(named) > 1 else [])])


def _extent(values: Sequence[float]) -> Point:
    low, high = min(values, default=0.0), max(values, default=1.0)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def legend(series: Sequence[Series]) -> list[Markup]:
    """Returns the names of the series above the chart, three in a row."""
    found = []
    for index, curve in enumerate(series):
        x, y = LEFT + 116 * (index % 3), 8 + 12 * (index // 3)
        y -= 3 if len(series) > 3 else 0
        found.append(line([(x, y), (x + 18, y)], curve.style))
        found.append(text(x + 23, y + 4, cut(curve.name, 15), "start", "tick"))
    return found


def _vertical_grid(x: Callable[[float], float], values: Iterable[float], height: int) -> list[Markup]:
    """Returns a vertical line with its number below for each value, in a picture of rows."""
    return [
        mark
        for value in values
        for mark in (
            line([(x(value), 4), (x(value), height - 36)], "grid"),
            text(x(value), height - 22, tick(value), "middle", "tick"),
        )
    ]


def bars(title: str, rows: Sequence[tuple[str, float, float]], axis: str) -> Markup:
    """Returns horizontal bars: name, value and half the width of the interval of each."""
    left, step = 150, 22
    height = step * len(rows) + 44
    low = min([0.0, *(value - half for _, value, half in rows)])
    high = max([0.0, *(value + half for _, value, half in rows)])
    x = scale(low, high if high > low else low + 1, left, WIDTH - RIGHT)
    found = _vertical_grid(x, ticks(low, high, 4), height)
    for index, (name, value, half) in enumerate(rows):
        y = 6 + step * index
        found.append(text(left - 6, y + 13, cut(name, 22), "end", "tick"))
        start, end = sorted((x(0), x(value)))
        found.append(bar(start, y + 2, end - start, step - 8, "s0", f"{name}: {number(value)}"))
        if half:
            found.append(line([(x(value - half), y + 9), (x(value + half), y + 9)], "whisker"))
    found.append(text(WIDTH / 2, height - 6, axis, "middle", "tick"))
    return picture(title, found, height=height)


def columns(
    title: str, names: Sequence[str], series: Sequence[tuple[str, Sequence[float]]], axes_names: tuple[str, str]
) -> Markup:
    """Returns upright bars side by side: a series has a name and a value for each of the names."""
    highest = max((value for _, values in series for value in values), default=0.0)
    axes = Axes((-0.5, len(names) - 0.5), (0.0, highest or 1.0), axes_names, names)
    width = (axes.x(1) - axes.x(0)) * 0.84 / max(1, len(series))
    found = axes.elements()
    for place, (name, values) in enumerate(series):
        for index, value in enumerate(values):
            x, y = axes.x(index) + (place - len(series) / 2) * width, axes.y(value)
            tip = f"{names[index]}{', ' + name if name else ''}: {number(value)}"
            found.append(bar(x, y, width, HEIGHT - BOTTOM - y, f"s{place}", tip))
    named = [Series(name, (), f"s{place}") for place, (name, _) in enumerate(series)]
    return picture(title, [*found, *(legend(named) if len(series) > 1 else [])])


def heatmap(
    title: str, rows: Sequence[str], names: Sequence[str], cells: Sequence[Sequence[float]], axes: tuple[str, str]
) -> Markup:
    """Returns a matrix: the darker a cell, the higher its value. Numbers are written where there is room."""
    left, top = 110, 8
    width, height = (WIDTH - left - RIGHT) / max(1, len(names)), 200 / max(1, len(rows))
    low, high = min(map(min, cells)), max(map(max, cells))
    opacity = scale(low, high, 0.06, 0.95) if high > low else lambda value: 0.5
    found = []
    for i, row in enumerate(rows):
        y = top + i * height
        if len(rows) <= 14 or i % math.ceil(len(rows) / 8) == 0:
            found.append(text(left - 5, y + height / 2 + 4, cut(row, 13), "end", "tick"))
        for j, name in enumerate(names):
            tip = f"{axes[0]} {row}, {axes[1]} {name}: {number(cells[i][j])}"
            found.append(bar(left + j * width, y, width - 1, height - 1, "s0", tip, opacity(cells[i][j])))
            if len(names) <= 6 and height > 14:
                style = "cell dark" if opacity(cells[i][j]) > 0.5 else "cell"
                found.append(text(left + (j + 0.5) * width, y + height / 2 + 4, number(cells[i][j]), "middle", style))
    for j, name in enumerate(names):
        if len(names) <= 8 or j % math.ceil(len(names) / 6) == 0:
            found.append(text(left + (j + 0.5) * width, top + 215, cut(name, 9), "middle", "tick"))
    found.append(text((left + WIDTH) / 2, top + 234, axes[1], "middle", "tick"))
    found.append(text(4, top + 234, axes[0], "start", "tick"))
    return picture(title, found)


def parallel(title: str, names: Sequence[str], rows: Sequence[tuple[Sequence[float], str]]) -> Markup:
    """Returns parallel coordinates: an axis for each name, and a line for each row of values between 0 and 1."""
    x, y = scale(0, max(1, len(names) - 1), 40, WIDTH - 40), scale(0, 1, HEIGHT - 46, 16)
    found = [line([(x(i), y(0)), (x(i), y(1))], "axis") for i in range(len(names))]
    for i, name in enumerate(names):
        found.append(text(x(i), HEIGHT - (30 if i % 2 else 14), cut(name, 16), "middle", "tick"))
    found += [line([(x(i), y(value)) for i, value in enumerate(values)], style) for values, style in rows]
    return picture(title, found)


def dots(title: str, rows: Sequence[tuple[str, float, float]], axis: str) -> Markup:
    """Returns a dot with its interval for each row: name, value and half the width of the interval."""
    left, step = 150, 24
    height = step * len(rows) + 44
    low, high = _extent([end for _, value, half in rows for end in (value - half, value + half)])
    x = scale(low, high, left + 8, WIDTH - RIGHT - 8)
    found = _vertical_grid(x, ticks(low, high, 4), height)
    for index, (name, value, half) in enumerate(rows):
        y = 16 + step * index
        found.append(text(left - 6, y + 4, cut(name, 22), "end", "tick"))
        found.append(line([(x(value - half), y), (x(value + half), y)], "whisker"))
        tip = tag("title", f"{name}: {number(value)}")
        found.append(tag("circle", tip, cx=x(value), cy=y, r=5, class_=f"fill s{index % 6}"))
    found.append(text((left + WIDTH) / 2, height - 6, axis, "middle", "tick"))
    return picture(title, found, height=height)
