"""Renders a report as one HTML file, which needs no other file and no network."""

import functools
import pathlib

import jinja2
from markupsafe import Markup

from core import storage
from pipeline.reporting import sections, verdict
from pipeline.reporting.run_record import RunRecord

FILE = "report.html"
_TEMPLATES = pathlib.Path(__file__).parent / "templates"


def write(record: RunRecord) -> pathlib.Path:
    """Writes `report.html` into the folder of a run, and returns its path."""
    path = record.folder.path / FILE
    storage.write_text(path, render(record))
    return path


def render(record: RunRecord) -> str:
    """Returns the report of a run as HTML. A section that cannot be made says why."""
    built = sections.build(record)
    return _template().render(
        name=record.summary.get("name", ""),
        run_id=record.summary.get("run_id", ""),
        verdict=verdict.sentence(record),
        sections=built,
        style=Markup(_read("style.css")),
        script=Markup(_read("threshold.js")),
    )


@functools.cache
def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(_TEMPLATES)
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.get_template("page.html.jinja")


def _read(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")
