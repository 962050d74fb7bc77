"""Tests the page: its sections, that it needs nothing else, and that what users give is escaped."""

import json
import re

import pytest

from core.errors import UserError
from pipeline.reporting import page, sections
from pipeline.reporting.run_record import RunRecord
from pipeline.run.run_folder import RunFolder
from tests.pipeline.reporting import records
from tests.pipeline.reporting.parsed_page import Page


@pytest.fixture
def parsed(tmp_path):
    return Page(page.render(records.evaluated(tmp_path)))


def test_sections_come_in_the_order_of_the_questions(parsed):
    assert [section["id"] for section in parsed.named("section")] == [
        "summary", "metrics", "data", "search", "curves", "slices", "importance", "worst-rows", "thresholds", "serving",
        "call", "card", "score", "lineage",
    ]  # fmt: skip
    assert "could not" not in " ".join(parsed.texts)


def test_verdict_is_the_heading(parsed):
    heading = parsed.texts[parsed.texts.index("shop · run 20260102-030405") + 1]
    assert heading == (
        "Pushed: shop version 3 is served now; its auc on test is 0.9000, better by 0.100 [0.080, 0.120] than a linear "
        "model; nothing was served before."
    )


def test_page_needs_no_other_file_and_no_network(parsed):
    for _, attributes in parsed.elements:
        for name in ("src", "href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:"))
        assert not any(name.startswith("on") for name in attributes)
    assert "http" not in "".join(parsed.scripts)


def test_names_and_values_of_users_are_escaped(parsed):
    assert len(parsed.named("script")) == 1
    assert not any("alert" in script for script in parsed.scripts)
    assert sum(records.EVIL in text for text in parsed.texts) > 10


def test_ids_are_unique_and_links_lead_to_them(parsed):
    ids = [attributes["id"] for _, attributes in parsed.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [link["href"].removeprefix("#") for link in parsed.named("a")]
    assert set(links) <= set(ids)


def test_every_chart_has_a_name_and_a_table_beside_it(parsed):
    names = [name for name, _ in parsed.elements]
    assert all(attributes["aria-label"] for attributes in parsed.named("svg"))
    assert len(parsed.named("svg")) == len(parsed.named("figure")) > 7
    for index, name in enumerate(names):
        if name == "figure":
            following = names[index + 1 :]
            end = following.index("figure") if "figure" in following else len(following)
            assert "table" in following[:end]


def test_fields_have_labels_and_the_slider_has_its_counts(parsed):
    labelled = {attributes["for"] for attributes in parsed.named("label")}
    assert {attributes["id"] for attributes in parsed.named("input")} == labelled
    (box,) = [attributes for attributes in parsed.named("div") if attributes.get("class") == "threshold"]
    assert json.loads(box["data-counts"]) == records.EXPLANATION["curves"]["thresholds"]


def test_elements_that_the_script_reads_are_there(parsed):
    ids = {attributes.get("id") for _, attributes in parsed.elements}
    assert set(re.findall(r'\bat\("([\w-]+)"\)', parsed.scripts[0])) <= ids


def test_a_section_that_fails_says_so_and_the_others_are_there(tmp_path):
    explanation = {**records.EXPLANATION, "importance": [{"feature": "age"}]}
    parsed = Page(page.render(records.evaluated(tmp_path, explanation)))
    assert "This section could not be made: KeyError: 'loss'" in parsed.texts
    assert len(parsed.named("section")) == 14


def test_parts_that_the_evaluator_did_not_compute_are_named(tmp_path):
    explanation = {"errors": {"importance": "ValueError: no rows"}}
    parsed = Page(page.render(records.evaluated(tmp_path, explanation)))
    assert "The Evaluator could not compute this: ValueError: no rows" in parsed.texts
    assert parsed.texts.count("The Evaluator did not compute this.") == 4


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        ("failed", "Failed: shop has no new model."),
        ("invalid_data", "Stopped: the data of shop did not pass validation."),
        ("partial", "Ended at the stage that was asked for: shop has no new version."),
    ],
)
def test_a_run_that_stopped_says_why(tmp_path, status, sentence):
    summary = {"name": "shop", "run_id": "1", "status": status, "error": "Column 'age' is missing.", "stages": []}
    parsed = Page(page.render(RunRecord(RunFolder(tmp_path), summary)))
    assert sentence in parsed.texts
    assert "Column 'age' is missing." in parsed.texts
    assert not any("could not be made" in text for text in parsed.texts)


def test_a_run_that_is_not_blessed_names_the_failed_gates(tmp_path):
    gates = [{"name": "auc min", "passed": False, "value": 0.9, "limit": 0.95, "why": "auc 0.900 is below 0.95."}]
    parsed = Page(page.render(records.evaluated(tmp_path, status="not_blessed", gates=gates)))
    assert "auc min: auc 0.900 is below 0.95." in parsed.texts


def test_a_refused_run_has_the_reason_alone(tmp_path):
    page.of_refused(tmp_path / "shop", UserError(f"There is no file {records.EVIL}."))
    parsed = Page((tmp_path / "shop" / "report.html").read_text())
    assert "Refused: the run of shop did not begin." in parsed.texts
    assert f"There is no file {records.EVIL}." in parsed.texts
    assert len(parsed.named("section")) == 1


def test_an_error_in_the_report_raises_nothing(tmp_path):
    (tmp_path / "report.html").mkdir()
    page.after_run(RunFolder(tmp_path), records.SUMMARY)
    page.of_refused(tmp_path, UserError("No."))


def test_every_section_has_a_module_of_its_own():
    modules = [section.__module__ for section in sections.SECTIONS]
    assert len(set(modules)) == len(modules) == 14
