"""The Pusher as TFX runs it."""

import json
import pathlib

import pytest
from tfx import types
from tfx.types import standard_artifacts

from components.pusher.component import Pusher
from models.serving import model_versions, push_log
from tests.components import data_stages

METADATA = {"spec": "{}", "source": "{}", "fingerprints": {"Trainer": "a", "StatisticsGen": "s"}}


def _artifact(kind: type[types.Artifact], uri: pathlib.Path, **properties: int) -> types.Artifact:
    artifact = data_stages.artifact(kind, uri)
    for name, value in properties.items():
        artifact.set_int_custom_property(name, value)
    return artifact


def _write(path: pathlib.Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _run(folder: pathlib.Path, blessed: int, infra_blessed: int, source: str = "{}") -> types.Artifact:
    _write(folder / "model" / "Format-Serving" / "saved_model.pb", b"model")
    _write(folder / "infra" / "tf_serving_warmup_requests", b"requests")
    _write(folder / "statistics" / "Split-train" / "FeatureStats.pb", b"statistics of train")
    _write(folder / "statistics" / "Split-test" / "FeatureStats.pb", b"statistics of test")
    inputs = {
        "model": _artifact(standard_artifacts.Model, folder / "model"),
        "blessing": _artifact(standard_artifacts.ModelBlessing, folder / "blessing", blessed=blessed),
        "infra_blessing": _artifact(standard_artifacts.InfraBlessing, folder / "infra", blessed=infra_blessed),
        "statistics": _artifact(standard_artifacts.ExampleStatistics, folder / "statistics"),
        "examples": _artifact(standard_artifacts.Examples, folder / "examples"),
    }
    inputs["examples"].set_string_custom_property("source", source)
    outputs = {"pushed_model": _artifact(standard_artifacts.PushedModel, folder / "pushed")}
    (pushed,) = data_stages.run(
        Pusher, inputs, outputs, push_destination=str(folder / "serving"), metadata=json.dumps(METADATA)
    )
    return pushed


def test_blessed_model_is_pushed_with_what_predictions_and_servers_need(tmp_path):
    pushed = _run(tmp_path, blessed=1, infra_blessed=1)
    path = tmp_path / "serving" / "1"
    assert pushed.get_int_custom_property("pushed") == 1
    assert pushed.get_string_custom_property("pushed_version") == "1"
    assert json.loads(pushed.get_string_custom_property("report"))["summary"] == {
        "serving": {"path": str(path), "version": 1}
    }
    assert json.loads((path / "assets.extra" / "skewless.json").read_text()) == METADATA
    assert (path / "assets.extra" / "tf_serving_warmup_requests").read_bytes() == b"requests"
    statistics = path / "assets.extra" / "statistics"
    assert (statistics / "Split-train" / "FeatureStats.pb").read_bytes() == b"statistics of train"
    assert (statistics / "Split-test" / "FeatureStats.pb").read_bytes() == b"statistics of test"
    (logged,) = push_log.entries(tmp_path / "serving")
    assert logged["run"] == str(tmp_path / "model")
    assert _run(tmp_path, blessed=1, infra_blessed=1).get_string_custom_property("finding") == f"already served: {path}"


@pytest.mark.parametrize(("blessed", "infra_blessed"), [(0, 1), (1, 0)])
def test_model_that_failed_a_gate_is_not_pushed(tmp_path, blessed, infra_blessed):
    pushed = _run(tmp_path, blessed, infra_blessed)
    assert pushed.get_int_custom_property("pushed") == 0
    assert json.loads(pushed.get_string_custom_property("report"))["summary"] == {}
    assert not (tmp_path / "serving").exists()


def test_pushed_model_is_found_as_champion_with_its_statistics(tmp_path):
    _run(tmp_path, blessed=1, infra_blessed=1)
    base = tmp_path / "serving"
    assert model_versions.champion(base, "b") == base / "1"
    assert model_versions.champion(base, "a") is None
    assert model_versions.previous_statistics(base, "t") == base / "1" / "assets.extra" / "statistics"
    assert model_versions.previous_statistics(base, "s") is None


def test_predictions_read_tables_as_example_gen_did(tmp_path):
    _run(tmp_path, blessed=1, infra_blessed=1, source='{"files": ["new.csv"]}')
    pushed = json.loads((tmp_path / "serving" / "1" / "assets.extra" / "skewless.json").read_text())
    assert pushed == {**METADATA, "source": '{"files": ["new.csv"]}'}
