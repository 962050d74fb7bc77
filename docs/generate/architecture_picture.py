"""Draws the layers, their packages and the imports between them: `docs/architecture.svg`.

The layers and their order are those of the import-linter contract in `pyproject.toml`. The imports are read from the
source; a dotted path in a string, by which TFX finds a component or a function, counts as an import.
"""

import ast
import collections
import dataclasses
import pathlib
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence

import grimp

from docs.generate import svg

ROOT = pathlib.Path(__file__).resolve().parents[2]
PURPOSES = {
    "pipeline": "commands, configuration, profile of the table, runs",
    "components": "one folder for each TFX stage",
    "models": "preprocessing, training, evaluation, serving",
    "ingest": "typed tables",
    "core": "shared by all layers",
}
LOOSE = "*.py"  # the modules of a layer that are in no package
WIDTH, MARGIN, GAP, RAIL = 900, 44, 44, 20
BOX, SPACE, PADDING, LINE, HEAD = 144, 10, 7, 14, 34  # pixels
MANY = 5  # from this number on, imported packages of one layer are counted, not listed
SIDE_BY_SIDE = 22  # the least distance of two layers in one row

Edges = Mapping[tuple[str, str], int]


@dataclasses.dataclass
class Band:
    """The place of a layer.

    Attributes:
        layer: its name.
        boxes: name and lines of text of each package; the layer of each line gives its colour.
        x: left edge.
        y: upper edge.
        width: from left to right.
        stretch: what is added to its height, so that the layers of a row end together.
    """

    layer: str
    boxes: list[tuple[str, list[tuple[str, str]]]]
    x: float
    y: float
    width: float
    stretch: float = 0

    @property
    def box(self) -> float:
        """The width of a box."""
        return (self.width - SPACE) / self.per_row - SPACE

    @property
    def per_row(self) -> int:
        """How many boxes fit side by side."""
        return int((self.width - SPACE) // (BOX + SPACE))

    @property
    def rows(self) -> list[list[tuple[str, list[tuple[str, str]]]]]:
        """The boxes in rows."""
        return [self.boxes[start : start + self.per_row] for start in range(0, len(self.boxes), self.per_row)]

    @property
    def height(self) -> float:
        """From the upper to the lower edge."""
        return HEAD + sum(row_height(row) + SPACE for row in self.rows) + self.stretch

    @property
    def bottom(self) -> float:
        """Lower edge."""
        return self.y + self.height

    @property
    def right(self) -> float:
        """Right edge."""
        return self.x + self.width


def picture() -> str:
    """Returns the SVG of the layers, packages and imports of the source tree."""
    layers = declared_layers(ROOT / "pyproject.toml")
    modules, imports = module_imports([layer for row in layers for layer in row])
    return drawn(layers, modules, imports)


def declared_layers(project: pathlib.Path) -> list[list[str]]:
    """Returns the layers from the highest to the lowest; those in one row are independent of each other."""
    contracts = tomllib.loads(project.read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    (contract,) = [contract for contract in contracts if contract["type"] == "layers" and "containers" not in contract]
    return [[layer.strip() for layer in row.split("|")] for row in contract["layers"]]


def module_imports(layers: Sequence[str]) -> tuple[frozenset[str], set[tuple[str, str]]]:
    """Returns all modules of the layers, and each pair of a module and one that it imports."""
    graph = grimp.build_graph(*layers, cache_dir=None)
    modules = frozenset(graph.modules)
    pairs = {(name, other) for name in modules for other in graph.find_modules_directly_imported_by(name)}
    for name in modules:
        file = ROOT.joinpath(*name.split("."))
        file = file / "__init__.py" if file.is_dir() else file.with_suffix(".py")
        pairs |= {(name, other) for other in dotted_paths(file.read_text(encoding="utf-8"), modules) if other != name}
    return modules, pairs


def dotted_paths(source: str, modules: Iterable[str]) -> set[str]:
    """Returns the modules that a module's strings name, such as `models.training.run_fn.run_fn`."""
    known, found = set(modules), set()
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and re.fullmatch(r"\w+([.:]\w+)+", node.value)
        ):
            parts = re.split("[.:]", node.value)
            prefixes = (".".join(parts[:length]) for length in range(len(parts), 1, -1))
            found |= {name for name in [next((prefix for prefix in prefixes if prefix in known), None)] if name}
    return found


def drawn(layers: Sequence[Sequence[str]], modules: Iterable[str], imports: Iterable[tuple[str, str]]) -> str:
    """Returns the SVG.

    Args:
        layers: rows of layers, from the highest to the lowest.
        modules: the dotted names of all modules.
        imports: pairs of a module and one that it imports.
    """
    names = sorted(modules)
    parents = {name.rpartition(".")[0] for name in names}
    packages = {name: package_of(name, parents) for name in names}
    edges = collections.Counter((packages[name], packages[other]) for name, other in sorted(imports))
    bands = _bands(layers, names, parents, packages, edges)
    between: collections.Counter[tuple[str, str]] = collections.Counter()
    for (package, other), number in edges.items():
        between[package.partition(".")[0], other.partition(".")[0]] += number
    elements = [element for band in bands.values() for element in _band(band, list(bands).index(band.layer))]
    elements += _arrows(layers, bands, between)
    height = max(band.bottom for band in bands.values()) + 34
    note = "A box is a package; below its name, the packages that it imports, core aside. Numbers count imports."
    elements.append(svg.text(MARGIN, height - 12, note, "small"))
    return svg.document(WIDTH, height, "The layers, their packages and the imports between them", elements)


def package_of(module: str, parents: Iterable[str]) -> str:
    """Returns the package on the second level that holds a module, such as `models.serving`; else its layer."""
    first, *rest = module.split(".")
    second = f"{first}.{rest[0]}" if rest else first
    return second if second in parents else first


def row_height(row: Iterable[tuple[str, list[tuple[str, str]]]]) -> float:
    """Returns the height of the boxes of a row: that of the one with the most lines."""
    return 2 * PADDING + 12 + LINE * max(len(lines) for _, lines in row)


def _bands(
    layers: Sequence[Sequence[str]],
    names: Sequence[str],
    parents: set[str],
    packages: Mapping[str, str],
    edges: Edges,
) -> dict[str, Band]:
    """Returns the layers' bands, placed; the widths in a shared row follow the numbers of packages."""
    bands: dict[str, Band] = {}
    y = 16.0
    for row in layers:
        boxes = {layer: _boxes(layer, names, parents, packages, edges) for layer in row}
        columns = _columns([len(boxes[layer]) for layer in row])
        x = float(MARGIN)
        for layer, number in zip(row, columns, strict=True):
            width = WIDTH - 2 * MARGIN if len(row) == 1 else number * (BOX + SPACE) + SPACE
            bands[layer] = Band(layer, boxes[layer], x, y, width)
            x += width + (WIDTH - 2 * MARGIN - sum(columns) * (BOX + SPACE) - SPACE * len(row)) / max(len(row) - 1, 1)
        bottom = max(bands[layer].bottom for layer in row)
        for layer in row:
            bands[layer].stretch = bottom - bands[layer].bottom
        y = bottom + GAP
    return bands


def _columns(numbers: Sequence[int]) -> list[int]:
    """Returns how many boxes each layer of a row gets side by side: one more where the most are stacked."""
    free = int((WIDTH - 2 * MARGIN - SIDE_BY_SIDE * (len(numbers) - 1) - SPACE * len(numbers)) // (BOX + SPACE))
    columns = [1] * len(numbers)
    for _ in range(free - len(numbers)):
        columns[max(range(len(numbers)), key=lambda index: numbers[index] / columns[index])] += 1
    return columns


def _boxes(
    layer: str, names: Sequence[str], parents: set[str], packages: Mapping[str, str], edges: Edges
) -> list[tuple[str, list[tuple[str, str]]]]:
    """Returns the boxes of a layer: its packages, then its loose modules."""
    found = sorted({packages[name] for name in names if packages[name].startswith(f"{layer}.")})
    boxes = [(name.partition(".")[2] + "/", _imported(name, edges)) for name in found]
    loose = [name.partition(".")[2] for name in names if packages[name] == layer and "." in name]
    if not found:
        return [(name, []) for name in loose]
    if loose:
        lines = [("", line) for line in svg.wrapped(loose, BOX - 2 * PADDING, "small")]
        boxes.append((LOOSE, lines + _imported(layer, edges)))
    return boxes


def _imported(package: str, edges: Edges) -> list[tuple[str, str]]:
    """Returns the packages that one imports as lines of text, each with the layer that it speaks of."""
    by_layer: dict[str, list[str]] = {}
    for source, other in sorted(edges):
        layer, _, name = other.partition(".")
        if source == package and other != package and layer != "core":
            by_layer.setdefault(layer, []).append(name or LOOSE)
    for layer, found in by_layer.items():
        if len(found) >= MANY:
            by_layer[layer] = [f"{len(found)} of them"]
    width = BOX - 2 * PADDING
    lines = []
    for layer, (first, *rest) in by_layer.items():
        words = [f"{layer}: {first}", *rest]
        fits = svg.text_width(words[0] + ",", "small") <= width
        content = (
            svg.wrapped(words, width, "small") if fits else [f"{layer}:", *svg.wrapped([first, *rest], width, "small")]
        )
        lines += [(layer, line) for line in content]
    return lines


def _band(band: Band, colour: int) -> list[str]:
    elements = [
        svg.box(band.x, band.y, band.width, band.height, "band"),
        svg.text(band.x + SPACE, band.y + 22, band.layer, "title", f"fill{colour}"),
        svg.text(
            band.x + SPACE + svg.text_width(band.layer, "title") + 10,
            band.y + 22,
            PURPOSES.get(band.layer, ""),
            "small",
        ),
    ]
    y = band.y + HEAD
    for row in band.rows:
        height = row_height(row)
        for number, (name, lines) in enumerate(row):
            x = band.x + SPACE + number * (band.box + SPACE)
            elements.append(svg.box(x, y, band.box, height, f"box stroke{colour}"))
            elements.append(svg.text(x + PADDING, y + PADDING + 11, name, "name"))
            for line, (layer, content) in enumerate(lines):
                colours = f"fill{list(PURPOSES).index(layer)}" if layer in PURPOSES else ""
                elements.append(svg.text(x + PADDING, y + PADDING + 12 + LINE * (line + 1), content, "small", colours))
        y += height + SPACE
    return elements


def _arrows(layers: Sequence[Sequence[str]], bands: Mapping[str, Band], between: Edges) -> list[str]:
    """Returns an arrow between each two layers of which one imports the other."""
    level = {layer: number for number, row in enumerate(layers) for layer in row}
    elements: list[str] = []
    used = {"left": 0, "right": 0}
    for (layer, other), number in sorted(between.items(), key=lambda item: level[item[0][1]]):
        if level[other] <= level[layer]:
            continue
        upper, lower = bands[layer], bands[other]
        crossed = [bands[name] for row in layers[level[layer] + 1 : level[other]] for name in row]
        x = _free_column(upper, lower, crossed)
        if x is not None:
            elements.append(svg.path([(x, upper.bottom), (x, lower.y - 1)], "line arrow"))
            elements.append(svg.text(x + 6, lower.y - GAP / 2 + 4, str(number), "label"))
            continue
        side = "left" if lower.right < WIDTH - MARGIN else "right"
        used[side] += 1
        step = RAIL * used[side] - 6
        edge, start, end = (
            (MARGIN - step, upper.x, lower.x - 1)
            if side == "left"
            else (WIDTH - MARGIN + step, upper.right, lower.right + 1)
        )
        y, into = upper.y + 14 + 8 * used[side], lower.y + 22
        elements.append(svg.path([(start, y), (edge, y), (edge, into), (end, into)], "line arrow"))
        anchor = "start" if side == "left" else "end"
        elements.append(
            svg.text(edge + (4 if side == "left" else -4), lower.y - GAP / 2 + 4, str(number), "label", anchor=anchor)
        )
    return elements


def _free_column(upper: Band, lower: Band, crossed: Sequence[Band]) -> float | None:
    """Returns where a straight arrow fits: under the middle of the overlap, or between the bands that it passes."""
    left, right = max(upper.x, lower.x), min(upper.right, lower.right)
    if not crossed:
        return (left + right) / 2
    if len(crossed) == 2 and crossed[0].y == crossed[1].y:
        return (crossed[0].right + crossed[1].x) / 2
    return None
