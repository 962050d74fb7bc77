"""Parses a report with the standard library, and checks that its elements are balanced."""

import html.parser

VOID = {"meta", "link", "input"}


class Page(html.parser.HTMLParser):
    """The elements and the texts of a page.

    Attributes:
        elements: name and attributes of every element, in order.
        texts: the texts outside of styles and scripts.
        scripts: the texts of scripts.
    """

    def __init__(self, content: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self._open: list[str] = []
        self.feed(content)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and self._open[-1] == "script":
            self.scripts.append(data)
        elif self._open and self._open[-1] != "style" and data.strip():
            self.texts.append(data.strip())

    def named(self, tag):
        """Returns the attributes of the elements with a name."""
        return [attributes for name, attributes in self.elements if name == tag]
