"""Builds the sections of a report, in the order in which a reader asks."""

import logging
from collections.abc import Callable

from pipeline.reporting.blocks import Section, Text
from pipeline.reporting.run_record import RunRecord
from pipeline.reporting.sections import (
    call,
    curves,
    data,
    importance,
    lineage,
    metrics,
    search,
    serving,
    slices,
    summary,
    thresholds,
    worst_rows,
)
from pipeline.reporting.sections.review import card, score

SECTIONS: tuple[Callable[[RunRecord], Section], ...] = (
    summary.build,
    metrics.build,
    data.build,
    search.build,
    curves.build,
    slices.build,
    importance.build,
    worst_rows.build,
    thresholds.build,
    serving.build,
    call.build,
    card.build,
    score.build,
    lineage.build,
)


def build(record: RunRecord) -> list[Section]:
    """Returns the sections of a run that have content. One that cannot be made is replaced by the reason."""
    refused = record.summary["status"] == "refused"  # there is nothing of this run but the reason
    made = [_section(section, record) for section in (SECTIONS[:1] if refused else SECTIONS)]
    return [section for section in made if section.blocks]


def _section(section: Callable[[RunRecord], Section], record: RunRecord) -> Section:
    try:
        return section(record)
    except Exception as error:  # a report without a section is better than none
        logging.exception("The section %s of the report failed.", section.__module__)
        name = section.__module__.rpartition(".")[2]
        reason = f"This section could not be made: {type(error).__name__}: {error}"
        return Section(name.replace("_", "-"), name.replace("_", " ").capitalize(), [Text(reason, "bad")])
