"""Tests the model card on literal records of runs."""

import json

import pytest

from core import storage
from core.errors import UserError
from pipeline.config import settings
from pipeline.reporting import model_card, page
from pipeline.reporting.run_record import RunRecord
from pipeline.reporting.sections.review import card as section
from pipeline.run.run_folder import RunFolder
from tests.pipeline.reporting import records

GAP = {"value": 0.5, "others": 0.75, "half_width": 0.125}
GROUPS = [{"name": "town = Bonn", "rows": 120, "gaps": {"true_positive_rate": GAP}}]
CARD = {
    "overview": "Who buys?",
    "owners": [{"name": "Sales", "contact": "sales@example.org"}],
    "license": "Apache-2.0",
    "users": ["the shop's *mailing* | team"],
    "use_cases": ["whom to write to"],
    "limitations": ["not for prices"],
    "tradeoffs": ["calibration for speed"],
    "risks": [{"name": "unequal offers", "mitigation": "a person looks"}],
    "sensitive_data": ["age"],
}


@pytest.fixture
def record(tmp_path):
    config = {**records.CONFIG, "features": {"age": {"kind": "numeric"}, "id": {"kind": "ignore"}}, "card": CARD}
    explanation = {**records.EXPLANATION, "groups": GROUPS}
    return records.evaluated(tmp_path, explanation, config, data={"rows": {"train": 800, "test": 200}})


def test_the_fields_are_those_of_the_schema(record):
    card = model_card.build(record)
    assert set(card) == {
        "schema_version", "model_details", "model_parameters", "quantitative_analysis", "considerations",
    }  # fmt: skip
    assert card["model_details"] == {
        "name": "shop",
        "overview": "Who buys?",
        "documentation": card["model_details"]["documentation"],
        "owners": [{"name": "Sales", "contact": "sales@example.org"}],
        "version": {"name": "version 3", "date": "2026-01-02"},
        "licenses": [{"identifier": "Apache-2.0"}],
    }
    assert card["model_parameters"]["input_format_map"] == [{"key": "age", "value": "numeric"}]
    assert card["model_parameters"]["data"][0] == {
        "name": "train", "link": "shop.csv", "description": "800 rows", "sensitive": {"sensitive_data": ["age"]},
    }  # fmt: skip
    assert card["considerations"]["ethical_considerations"] == [
        {"name": "unequal offers", "mitigation_strategy": "a person looks"}
    ]


def test_metrics_are_those_of_test_of_slices_and_of_groups_with_intervals(record):
    found = model_card.build(record)["quantitative_analysis"]["performance_metrics"]
    interval = {"lower_bound": "0.88", "upper_bound": "0.92"}
    assert found[0] == {"type": "auc", "value": "0.9", "slice": "test", "confidence_interval": interval}
    assert [one["slice"] for one in found] == ["test", f"{records.EVIL} = Bonn", "town = Bonn"]
    assert found[2]["confidence_interval"] == {"lower_bound": "-0.375", "upper_bound": "-0.125"}


def test_the_members_of_an_ensemble_are_named(tmp_path):
    members = [{"family": "trees", "weight": 0.75}, {"family": "mlp", "weight": 0.25}]
    record = records.evaluated(tmp_path, model={"family": "ensemble", "members": members, "parameters": 10})
    architecture = model_card.build(record)["model_parameters"]["model_architecture"]
    assert architecture == "ensemble of trees of weight 0.7500, mlp of weight 0.2500, 10 parameters"


def test_markdown_has_the_parts_and_no_markup_of_users(record):
    text = model_card.markdown(model_card.build(record))
    assert "# Model card: shop\n\nWho buys?\n" in text
    assert "- the shop's \\*mailing\\* \\| team\n" in text
    assert "- unequal offers. What is done about it: a person looks\n" in text
    assert "<script>" not in text
    assert "Nobody has written" not in text


def test_what_nobody_has_written_is_named(tmp_path):
    record = records.evaluated(tmp_path)
    card = model_card.build(record)
    assert model_card.missing(card) == list(model_card.HUMAN)
    assert "owners, users, use\\_cases, limitations" in model_card.markdown(card)
    assert any("card.owners" in getattr(block, "text", "") for block in section.build(record).blocks)


def test_the_card_is_beside_the_report_of_an_evaluated_model(record, tmp_path):
    page.write(record)
    assert json.loads((tmp_path / "model_card.json").read_text())["schema_version"] == "0.0.2"
    assert (tmp_path / "model_card.md").read_text().startswith("# Model card: shop")
    other = RunFolder(tmp_path / "other")
    page.write(RunRecord(other, {"name": "shop", "run_id": "1", "status": "failed", "stages": []}))
    assert [path.name for path in other.path.iterdir()] == ["report.html"]


def test_the_section_is_checked(tmp_path):
    storage.write_json(tmp_path / "a.yaml", {"data": {"files": ["a.csv"]}, "label": "y", "card": CARD})
    assert settings.load(tmp_path / "a.yaml").card.owners[0].name == "Sales"
    bad = {"data": {"files": ["a.csv"]}, "label": "y", "card": {"owner": "Sales"}}
    storage.write_json(tmp_path / "b.yaml", bad)
    with pytest.raises(UserError, match="owners"):
        settings.load(tmp_path / "b.yaml")
