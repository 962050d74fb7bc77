"""When a served model is stale."""

import json

import pytest

from core.errors import UserError
from models.serving import model_versions
from pipeline.monitoring import retraining


@pytest.fixture
def serving(tmp_path):
    """The folder of versions 1 and 2; version 2 was trained on the data `new`."""
    for data in ("old", "new"):
        (tmp_path / data).mkdir()
        (tmp_path / data / "saved_model.pb").write_text(data)
        metadata = json.dumps({"fingerprints": {"data": data}}).encode()
        model_versions.push(tmp_path / data, tmp_path / "serving", {model_versions.METADATA_FILE: metadata})
    return tmp_path / "serving"


def _report(folder, version, alarms):
    (folder / "monitor.json").write_text(json.dumps({"model": str(folder / "serving" / version), "alarms": alarms}))
    return folder / "monitor.json"


def test_without_a_served_model_there_is_one_to_train(tmp_path):
    assert retraining.reason(tmp_path / "serving", "new", None) == "no model is served"


def test_a_model_of_the_same_data_is_not_stale(serving, tmp_path):
    assert retraining.reason(serving, "new", None) == ""
    assert retraining.reason(serving, "new", _report(tmp_path, "2", [])) == ""


def test_a_model_of_other_data_is_stale(serving):
    assert retraining.reason(serving, "newer", None) == "version 2 was trained on other data"


def test_alarms_of_the_stable_version_count_and_no_others(serving, tmp_path):
    alarms = ["'age' drifted", "the model is too old"]
    expected = "version 2 raises alarms: 'age' drifted; the model is too old"
    assert retraining.reason(serving, "new", _report(tmp_path, "2", alarms)) == expected
    assert retraining.reason(serving, "new", _report(tmp_path, "1", alarms)) == ""


def test_a_file_that_is_no_report(serving, tmp_path):
    with pytest.raises(UserError, match=r"none\.json is no report on requests"):
        retraining.reason(serving, "new", tmp_path / "none.json")
