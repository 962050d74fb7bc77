"""Finds the labels of an SVG and whether they fit into their boxes."""

import xml.etree.ElementTree as ElementTree

from docs.generate import svg

NAMESPACE = "{http://www.w3.org/2000/svg}"


def labels(picture: str) -> list[tuple[str, float, float, float]]:
    """Returns text, left edge, right edge and baseline of each label."""
    found = []
    for element in ElementTree.fromstring(picture).iter(f"{NAMESPACE}text"):
        content, kind = element.text or "", element.get("class", "").split()[0]
        width, x = svg.text_width(content, kind), float(element.get("x", ""))
        left = x - {"start": 0.0, "middle": width / 2, "end": width}[element.get("text-anchor", "start")]
        found.append((content, left, left + width, float(element.get("y", ""))))
    return found


def boxes(picture: str) -> list[tuple[float, float, float, float]]:
    """Returns left, top, right and bottom of each rectangle inside the picture."""
    found = []
    for element in ElementTree.fromstring(picture).iter(f"{NAMESPACE}rect"):
        if "background" not in element.get("class", "").split():
            x, y, width, height = (float(element.get(name, "")) for name in ("x", "y", "width", "height"))
            found.append((x, y, x + width, y + height))
    return found


def misplaced(picture: str) -> list[str]:
    """Returns the labels that leave the picture or the box in which they begin."""
    width, height = (float(size) for size in ElementTree.fromstring(picture).get("viewBox", "").split()[2:])
    wrong = []
    for content, left, right, baseline in labels(picture):
        inside = [box for box in boxes(picture) if box[0] <= left < box[2] and box[1] <= baseline <= box[3]]
        limits = inside or [(0, 0, width, height)]
        if any(left < box[0] or right > box[2] or baseline > box[3] for box in limits):
            wrong.append(content)
    return wrong
