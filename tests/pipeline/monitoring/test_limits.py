"""The limits of distances from train."""

import json

from models.serving import model_versions
from pipeline.monitoring import limits

SCHEMA = """
feature { name: "age" drift_comparator { jensen_shannon_divergence { threshold: 0.2 } } }
feature { name: "town" skew_comparator { infinity_norm { threshold: 0.3 } } }
feature { name: "rooms" }
"""


def test_the_limits_of_a_schema_come_before_those_of_the_configuration(tmp_path):
    drift = {"default": 0.5, "features": {"age": 0.1, "rooms": None}}
    file = tmp_path / model_versions.METADATA_FILE
    file.parent.mkdir()
    file.write_text(json.dumps({"validate": {"drift": drift}}))
    assert limits.read(tmp_path, None).model_dump() == drift
    (tmp_path / "schema.pbtxt").write_text(SCHEMA)
    found = limits.read(tmp_path, tmp_path / "schema.pbtxt")
    assert (found.default, found.features) == (0.5, {"age": 0.2, "rooms": None, "town": 0.3})


def test_a_version_may_have_no_limits(tmp_path):
    assert limits.read(tmp_path, None).model_dump() == {"default": None, "features": {}}
