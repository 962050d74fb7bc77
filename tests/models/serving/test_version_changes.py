"""Labels of versions: what TensorFlow Serving reads, promotion, rollback, removal and the log of them."""

import json
import pathlib

import pytest
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from core.errors import UserError
from models.serving import model_versions, push_log, version_changes
from models.serving.version_labels import Labels

CONFIG = """\
model_config_list {
  config {
    name: "taxi"
    base_path: "/models/taxi"
    model_platform: "tensorflow"
    model_version_policy {
      specific {
        versions: 2
        versions: 3
      }
    }
    version_labels {
      key: "stable"
      value: 3
    }
  }
}
"""


def _push(base: pathlib.Path, number: int) -> model_versions.Version:
    model = base.parent / f"model-{number}"
    model.mkdir()
    (model / "saved_model.pb").write_text(f"graph {number}")
    metadata = {"fingerprints": {"Trainer": f"t{number}", "StatisticsGen": f"s{number}"}}
    extra = {
        model_versions.METADATA_FILE: json.dumps(metadata).encode(),
        f"{model_versions.STATISTICS_FOLDER}/Split-train/FeatureStats.pb": b"statistics",
    }
    return model_versions.push(model, base, extra, run=f"taxi:{number}")


@pytest.fixture
def base(tmp_path) -> pathlib.Path:
    """Three versions, of which the newest is stable, in the folder of the run `taxi`."""
    folder = tmp_path / "taxi" / "serving"
    folder.mkdir(parents=True)
    for number in (1, 2, 3):
        _push(folder, number)
    return folder


def _served(base: pathlib.Path) -> tuple[list[int], dict[str, int]]:
    """Returns the versions that TensorFlow Serving loads, and the labels, as its message has them."""
    config = text_format.Parse((base / "models.config").read_text(), model_server_config_pb2.ModelServerConfig())
    (model,) = config.model_config_list.config
    return list(model.model_version_policy.specific.versions), dict(model.version_labels)


def test_a_push_is_stable_and_the_version_before_it_stays_loaded(base):
    assert (base / "models.config").read_text() == CONFIG
    assert (base / "monitoring.config").read_text() == (
        'prometheus_config {\n  enable: true\n  path: "/monitoring/prometheus/metrics"\n}\n'
    )
    assert "max_batch_size { value: 1024 }" in (base / "batching_parameters.txt").read_text()
    assert not list(base.glob(".*"))


def test_a_folder_without_labels_has_the_newest_version_as_stable(base):
    (base / "models.config").unlink()
    assert model_versions.labels(base) == Labels(stable=3)
    assert version_changes.rollback(base) == 2
    assert model_versions.labels(base) == Labels(stable=2, previous=3), "2 may not be loaded yet"


def test_what_a_person_wrote_into_the_files_stays(base):
    for name in ("batching_parameters.txt", "monitoring.config"):
        (base / name).write_text("# mine\n")
    (base / "models.config").write_text(CONFIG.replace("/models/taxi", "/srv/taxi").replace('"taxi"', '"fares"'))
    assert version_changes.rollback(base) == 2
    assert 'name: "fares"\n    base_path: "/srv/taxi"' in (base / "models.config").read_text()
    assert _served(base) == ([2], {"stable": 2})
    assert (base / "monitoring.config").read_text() == (base / "batching_parameters.txt").read_text() == "# mine\n"


def test_a_rollback_makes_an_older_version_stable_and_deletes_nothing(base):
    assert version_changes.rollback(base, why="wrong fares") == 2
    assert _served(base) == ([2], {"stable": 2}), "requests without a label go to the newest loaded version"
    assert sorted(model_versions.versions(base)) == [1, 2, 3]
    assert version_changes.rollback(base) == 1
    assert _served(base) == ([1, 2], {"stable": 1})


def test_after_a_rollback_the_stable_version_predicts_is_champion_and_gives_the_statistics(base):
    version_changes.rollback(base)
    assert model_versions.find_version(base) == base / "2"
    assert model_versions.champion(base, "t4") == base / "2"
    assert model_versions.champion(base, "t2") == base / "1", "the candidate is no champion, and 3 was rolled back"
    assert model_versions.previous_statistics(base, "s4") == base / "2" / "assets.extra" / "statistics"


def test_the_model_that_was_rolled_back_is_not_stable_again_without_a_word(base):
    version_changes.rollback(base)
    model = base.parent / "model-3"
    extra = {
        name: (base / "3" / name).read_bytes()
        for name in (model_versions.METADATA_FILE, f"{model_versions.STATISTICS_FOLDER}/Split-train/FeatureStats.pb")
    }
    assert model_versions.push(model, base, extra) == model_versions.Version(base / "3", 3, new=False)
    assert model_versions.labels(base).stable == 2
    assert _push(base, 4).version == 4
    assert _served(base) == ([2, 4], {"stable": 4})


def test_a_rollback_skips_versions_that_are_damaged_or_were_never_stable(base):
    (base / "2" / "saved_model.pb").write_text("")
    assert version_changes.rollback(base) == 1
    with pytest.raises(UserError, match=r"--rollback: there is no version below the stable version 1 that could"):
        version_changes.rollback(base)


def test_a_canary_is_tried_beside_the_stable_version_and_then_promoted(base):
    version_changes.rollback(base)
    assert version_changes.promote(base, "3", "canary") == 3
    assert _served(base) == ([2, 3], {"canary": 3, "stable": 2})
    assert model_versions.find_version(base) == base / "2"
    assert version_changes.promote(base, "canary", "stable") == 3
    assert _served(base) == ([2, 3], {"stable": 3})


def test_a_canary_can_be_taken_away(base):
    version_changes.promote(base, "1", "canary")
    assert _served(base) == ([1, 2, 3], {"canary": 1, "stable": 3})
    assert version_changes.rollback(base, "canary") == 1
    assert _served(base) == ([2, 3], {"stable": 3})


def test_only_the_newest_versions_stay_and_those_with_a_label(base):
    _push(base, 4)
    version_changes.promote(base, "1", "canary")
    assert version_changes.keep(base, 1) == [2, 3]
    assert sorted(model_versions.versions(base)) == [1, 4]
    assert _served(base) == ([1, 4], {"canary": 1, "stable": 4})
    assert version_changes.keep(base, 5) == []
    version_changes.rollback(base, "1")
    assert version_changes.keep(base, 1) == []
    assert _served(base) == ([1], {"stable": 1})


def test_every_change_is_logged_with_who_when_from_what_run_and_why(base):
    version_changes.rollback(base, why="wrong fares")
    version_changes.keep(base, 2)
    for entry in (entries := push_log.entries(base)):
        assert entry.pop("who").count("@") == 1
        assert entry.pop("when").endswith("+00:00")
    assert entries[2:] == [
        {"action": "push", "version": 3, "stable": 3, "canary": None, "run": "taxi:3"},
        {"action": "rollback", "version": 2, "stable": 2, "canary": None, "run": "taxi:2", "why": "wrong fares"},
        {"action": "remove", "version": 1, "stable": 2, "canary": None, "run": "taxi:1"},
    ]


@pytest.mark.parametrize(
    ("wanted", "label", "message"),
    [
        ("13", "stable", r"There is no version '13'\. Did you mean '3'\? Expected one of 1, 2, 3, stable, canary\."),
        ("cannary", "stable", r"There is no version 'cannary'\. Did you mean 'canary'\?"),
        ("canary", "stable", r"no version is canary\. --promote VERSION --as canary makes one"),
        ("3", "stable", r"version 3 is stable already\. Nothing was changed"),
        ("stable", "canary", r"version 3 is stable already\. A canary is tried beside the stable version"),
    ],
)
def test_a_version_that_cannot_be_promoted_is_the_users_error(base, wanted, label, message):
    with pytest.raises(UserError, match=f"--promote {wanted}: {message}"):
        version_changes.promote(base, wanted, label)
    assert (base / "models.config").read_text() == CONFIG


def test_a_version_that_is_newer_or_damaged_is_no_rollback(base):
    version_changes.rollback(base)
    with pytest.raises(UserError, match=r"version 3 is not older than the stable version 2\. .*--promote 3"):
        version_changes.rollback(base, "3")
    (base / "1" / "saved_model.pb").write_text("grabh 1")  # of the same size
    with pytest.raises(UserError, match=r"Version 1 is damaged: the content of .*saved_model.pb has changed"):
        version_changes.rollback(base, "1")


def test_a_configuration_that_cannot_be_read_is_the_users_error_and_stays(base):
    for content, message in (("nonsense", "cannot be read: 1:1"), ("model_config_list {}", "names no model")):
        (base / "models.config").write_text(content)
        with pytest.raises(UserError, match=f"models.config {message}"):
            version_changes.rollback(base)
        assert (base / "models.config").read_text() == content
