"""Renders a report as one HTML file, which needs no other file and no network."""

import contextlib
import functools
import logging
import pathlib
import time
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
from markupsafe import Markup

from core import storage
from pipeline.reporting import model_card, sections, verdict
from pipeline.reporting.blocks import Section
from pipeline.reporting.run_record import RunRecord
from pipeline.run.run_folder import RunFolder

_TEMPLATES = pathlib.Path(__file__).parent / "templates"


def write(record: RunRecord) -> pathlib.Path:
    """Writes the report and the model card into the folder of a run, and returns the path of the report."""
    storage.write_text(record.folder.report, render(record))
    model_card.write(record)
    return record.folder.report


def after_run(folder: RunFolder, summary: Mapping[str, Any]) -> None:
    """Writes the report of a run that has ended. An error is logged, and does not change the result of the run."""
    try:
        write(RunRecord.of(folder, summary))
    except Exception:
        logging.exception("The report could not be written.")


def of_refused(path: pathlib.Path, error: Exception) -> None:
    """Writes the report of a run that did not begin: why. The report of an earlier run is kept."""
    folder = RunFolder(path.absolute())
    if folder.summary.exists():
        return
    summary = {"name": path.name, "run_id": time.strftime("%Y%m%d-%H%M%S"), "status": "refused", "error": str(error)}
    with contextlib.suppress(OSError, UnicodeError):  # the reason is on the terminal too
        write(RunRecord(folder, summary))


def render(record: RunRecord) -> str:
    """Returns the report of a run as HTML. A section that cannot be made says why."""
    summary = record.summary
    return html(f"{summary['name']} · run {summary['run_id']}", verdict.sentence(record), sections.build(record))


def html(name: str, heading: str, parts: Sequence[Section]) -> str:
    """Returns a page: its name, a sentence as its heading, and its sections."""
    style, script = Markup(_read("style.css")), Markup(_read("threshold.js"))
    return _template().render(name=name, verdict=heading, sections=parts, style=style, script=script)


@functools.cache
def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(_TEMPLATES)
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.get_template("page.html.jinja")


def _read(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")
