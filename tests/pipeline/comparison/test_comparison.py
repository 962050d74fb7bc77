"""Tests the comparison of runs on literal predictions."""

import dataclasses
import json
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core import storage
from core.errors import UserError
from pipeline import compare
from pipeline.comparison import sections
from pipeline.comparison.compared_runs import ComparedModel, Comparison
from pipeline.reporting import page
from pipeline.run.fingerprints import Fingerprint
from tests.pipeline.reporting import records
from tests.pipeline.reporting.parsed_page import Page

LABELS = [0, 1] * 30
GOOD = [0.1, 0.9] * 30
POOR = [0.4, 0.6, 0.6, 0.4] * 15


def run(folder: pathlib.Path, scores, labels=LABELS, data="abc", auc=0.9, epochs=3):
    """Returns the record of a run with these scores on test."""
    predictions = folder / "artifacts/Evaluator/evaluation/1/predictions"
    predictions.mkdir(parents=True)
    table = {"label": labels, "weight": [1.0] * len(labels), "candidate": [[1 - score, score] for score in scores]}
    pq.write_table(pa.table(table), predictions / "part-0.parquet")
    config = {**records.CONFIG, "train": {"epochs": epochs}}
    record = records.evaluated(folder, config=config, metrics={"eval": {}, "test": {"auc": auc, "accuracy": auc}})
    examples = records.execution("ExampleGen", folder, "examples", rows={}, rejects=0, read=0, left_out=0)
    fingerprint = Fingerprint("ExampleGen", {"data_digest": data, "split.seed": 0}, "")
    return records.with_executions(record, dataclasses.replace(examples, fingerprint=fingerprint))


@pytest.fixture
def comparison(tmp_path):
    one = run(tmp_path / "one", POOR, auc=0.5)
    other = run(tmp_path / records.EVIL.replace("/", ""), GOOD, auc=1.0, epochs=5)
    return Comparison((ComparedModel("one", one), ComparedModel(records.EVIL, other)))


def test_better_model_is_better_on_the_same_rows(comparison):
    found = comparison.differences[records.EVIL]
    # By hand: half of the pairs of classes are ordered rightly, and a half of the rows has the right class.
    assert found["auc"].value == pytest.approx(0.5, abs=0.26)
    assert found["accuracy"].value == 0.5
    assert found["accuracy"].low > 0.3
    assert sections.sentence(comparison).startswith(f"In auc on test, {records.EVIL} against one: better by ")


def test_settings_that_differ_are_named(comparison):
    assert comparison.settings() == [("train.epochs", ["3", "5"])]


def test_page_is_escaped_and_overlays_the_curves(comparison):
    parsed = Page(page.html("Comparison", sections.sentence(comparison), sections.build(comparison)))
    assert len(parsed.named("script")) == 1
    assert [section["id"] for section in parsed.named("section")] == [
        "metrics", "settings", "curves", "slices", "costs",
    ]  # fmt: skip
    assert len(parsed.named("svg")) == 3
    json.dumps(sections.as_json(comparison))


def test_other_rows_of_test_are_refused_with_the_reason(tmp_path):
    one, other = run(tmp_path / "one", GOOD), run(tmp_path / "other", GOOD, data="xyz")
    found = Comparison((ComparedModel("one", one), ComparedModel("other", other)))
    assert found.other_rows() == "other and one have different rows of test: the content of the data differs."
    assert sections.as_json(found)["differences"] == {}
    assert "cannot be compared row by row" in sections.sentence(found)
    reversed_labels = run(tmp_path / "third", GOOD, labels=LABELS[::-1])
    other_labels = Comparison((ComparedModel("one", one), ComparedModel("third", reversed_labels)))
    assert other_labels.other_rows() == "The labels of the rows of test differ."


def test_runs_that_cannot_be_compared_are_the_users_error(tmp_path):
    with pytest.raises(UserError, match=r"has no summary\.json of a run"):
        Comparison.of([tmp_path])
    for name, task in (("a", "binary"), ("b", "regression")):
        storage.write_json(tmp_path / name / "summary.json", records.SUMMARY)
        (tmp_path / name / "config.yaml").write_text(f"label: y\ntask: {task}\n")
    with pytest.raises(UserError, match=r"different labels: y \(binary\), y \(regression\)"):
        Comparison.of([tmp_path / "a", tmp_path / "b"])
    with pytest.raises(UserError, match="Nothing was served before the run"):
        Comparison.of([tmp_path / "a"])
    storage.write_json(tmp_path / "a" / "summary.json", records.SUMMARY | {"status": "failed", "metrics": {"test": {}}})
    with pytest.raises(UserError, match="ended as 'failed' and has no metrics on test"):
        Comparison.of([tmp_path / "a", tmp_path / "b"])


def test_command_returns_2_for_a_folder_without_a_run(tmp_path, capsys):
    assert compare.main([str(tmp_path)]) == 2
    assert "The folder of a run was expected" in capsys.readouterr().err
