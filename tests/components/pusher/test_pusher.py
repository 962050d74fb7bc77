"""The Pusher as TFX runs it, with the properties that its wiring gives."""

import json
import pathlib

import pytest
from tfx import types
from tfx.types import standard_artifacts
from tfx.types.channel import Channel

from components.pusher import component as pusher


def _artifact(kind: type[types.Artifact], uri: pathlib.Path, **properties: int) -> types.Artifact:
    uri.mkdir(parents=True, exist_ok=True)
    artifact = kind()
    artifact.uri = str(uri)
    for name, value in properties.items():
        artifact.set_int_custom_property(name, value)
    return artifact


def _run(folder: pathlib.Path, blessed: int, infra_blessed: int) -> types.Artifact:
    """Runs the stage as TFX does, with the properties that its wiring gives."""
    node = pusher.Pusher(
        Channel(type=standard_artifacts.Model),
        Channel(type=standard_artifacts.ModelBlessing),
        Channel(type=standard_artifacts.InfraBlessing),
        push_destination=str(folder / "serving"),
        metadata=json.dumps({"spec": "{}", "source": "{}"}),
        fingerprint="",
    )
    model = _artifact(standard_artifacts.Model, folder / "model")
    if not (folder / "model" / "Format-Serving").exists():
        (folder / "model" / "Format-Serving").mkdir()
        (folder / "model" / "Format-Serving" / "saved_model.pb").write_text("graph")
    infra = _artifact(standard_artifacts.InfraBlessing, folder / "infra", blessed=infra_blessed)
    (folder / "infra" / "tf_serving_warmup_requests").write_bytes(b"requests")
    pushed = _artifact(standard_artifacts.PushedModel, folder / "pushed")
    pusher.Executor().Do(
        {
            "model": [model],
            "model_blessing": [_artifact(standard_artifacts.ModelBlessing, folder / "blessing", blessed=blessed)],
            "infra_blessing": [infra],
        },
        {"pushed_model": [pushed]},
        dict(node.exec_properties),
    )
    return pushed


def test_blessed_model_is_pushed_with_what_predictions_and_servers_need(tmp_path):
    pushed = _run(tmp_path, blessed=1, infra_blessed=1)
    path = tmp_path / "serving" / "1"
    assert pushed.get_int_custom_property("pushed") == 1
    assert pushed.get_string_custom_property("pushed_version") == "1"
    assert json.loads(pushed.get_string_custom_property("report")) == {"path": str(path), "version": 1}
    assert json.loads((path / "assets.extra" / "skewless.json").read_text()) == {"spec": "{}", "source": "{}"}
    assert (path / "assets.extra" / "tf_serving_warmup_requests").read_bytes() == b"requests"
    assert _run(tmp_path, blessed=1, infra_blessed=1).get_string_custom_property("finding") == f"already served: {path}"


@pytest.mark.parametrize(("blessed", "infra_blessed"), [(0, 1), (1, 0)])
def test_model_that_failed_a_gate_is_not_pushed(tmp_path, blessed, infra_blessed):
    pushed = _run(tmp_path, blessed, infra_blessed)
    assert pushed.get_int_custom_property("pushed") == 0
    assert json.loads(pushed.get_string_custom_property("report")) == {}
    assert not (tmp_path / "serving").exists()
