"""The configuration reference of the README and the JSON schema for editors."""

import pydantic
import pytest

from core.config import deployment, review, sections
from core.config.types import Section
from core.spec import Feature
from docs.generate import config_reference
from pipeline.config.settings import Settings

_WITHOUT_DEFAULTS = ("Data", "MetricLimits", "Challenger", "Signature", "Owner", "Risk")
SECTIONS = [
    value
    for module in (sections, review, deployment)
    for value in vars(module).values()
    if isinstance(value, type) and issubclass(value, Section) and value is not Section
]


@pytest.mark.parametrize("section", [*SECTIONS, Settings])
def test_every_setting_has_a_meaning(section):
    assert [name for name, field in section.model_fields.items() if not field.description] == []


@pytest.mark.parametrize("section", [section for section in SECTIONS if section.__name__ not in _WITHOUT_DEFAULTS])
def test_a_section_survives_json(section):
    values = {"by": "time", "column": "day"} if section is sections.Split else {}
    assert section.model_validate_json(section(**values).model_dump_json()) == section(**values)


def test_the_reference_has_defaults_meanings_and_accepted_names():
    lines = config_reference.reference().splitlines()
    assert "  max_bad_rows: 0.001          # the largest share of rows that may be put aside (0 to 1)" in lines
    assert any(line.startswith("  algorithm: screen_bayesian") for line in lines)
    family = next(line for line in lines if line.startswith("  family: "))
    assert {"auto", "linear", "mlp", "trees"} <= set(family.rpartition("(")[2].strip(")").split(", "))


def test_the_schema_knows_ranges_registered_names_and_short_forms():
    schema = config_reference.schema()
    definitions = schema["$defs"]
    assert schema["required"] == ["data", "label"]
    assert {"auto", "linear", "mlp", "trees"} <= set(definitions["Model"]["properties"]["family"]["enum"])
    assert definitions["Tune"]["properties"]["trials"]["minimum"] == 0
    assert "auc" in definitions["Evaluate"]["properties"]["gates"]["propertyNames"]["enum"]
    assert definitions["FeatureOptions"]["anyOf"][0]["enum"][0] == "numeric"
    assert {"type": ["string", "integer", "boolean"]} in definitions["Data"]["properties"]["files"]["anyOf"]
    assert "validate" in schema["properties"]
    assert "validation" not in schema["properties"]


def test_the_options_of_a_feature_name_the_defaults_of_the_spec():
    options = sections.FeatureOptions.model_fields
    assert options["vocabulary"].description.endswith(f"null: {Feature.vocabulary:,}")
    assert options["buckets"].description.endswith(f"null: {Feature.buckets}")


def test_the_sections_are_frozen():
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        sections.Train().epochs = 3
