"""The command that shows and changes the versions of a model."""

import pathlib

import pytest

from core import storage
from core.errors import UserError
from models.serving import model_versions, push_log, remote_versions, version_changes
from pipeline import push
from tests import object_stores


@pytest.fixture
def run(tmp_path) -> pathlib.Path:
    """The folder of a run that pushed two versions."""
    for number in (1, 2):
        model = tmp_path / f"model-{number}"
        model.mkdir()
        (model / "saved_model.pb").write_text(str(number))
        model_versions.push(model, tmp_path / "taxi" / "serving", {}, run=f"taxi:{number}")
    return tmp_path / "taxi"


def _push(run: pathlib.Path, *more: str) -> int:
    return push.main(["--model", str(run), *more])


def test_versions_are_listed_newest_first_with_their_labels(run, capsys):
    assert _push(run / "serving", "--promote", "1", "--as", "canary") == 0
    (run / "serving" / "1" / "saved_model.pb").write_text("other")
    assert capsys.readouterr().out == f"Version 1 of {run / 'serving'} is canary now.\n"
    assert _push(run) == 0
    listed = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert listed[0] == ["version", "label", "pushed", "by", "run", "state"]
    assert [line[:2] + line[-2:] for line in listed[1:]] == [
        ["2", "stable", "taxi:2", "whole"],
        ["1", "canary", "taxi:1", "damaged"],
    ]


def test_rollback_promotion_and_removal_say_what_they_did(run, capsys):
    assert _push(run, "--rollback", "--why", "wrong fares") == 0
    assert _push(run, "--promote", "2") == 0
    assert _push(run, "--keep", "1") == 0
    base = run / "serving"
    assert capsys.readouterr().out == (
        f"Version 1 of {base} is stable now.\nVersion 2 of {base} is stable now.\nRemoved from {base}: 1.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rollback", "7"], "--rollback 7: There is no version '7'. Expected one of 1, 2, stable, canary."),
        (["--keep", "0"], "--keep 0: at least 1 was expected"),
        (["--promote", "stabel"], "Did you mean 'stable'?"),
    ],
)
def test_wrong_arguments_end_with_2_and_change_nothing(run, capsys, arguments, message):
    before = (run / "serving" / "push.log").read_text()
    assert _push(run, *arguments) == 2
    assert message in capsys.readouterr().err
    assert (run / "serving" / "push.log").read_text() == before


def test_folders_without_versions_end_with_2(run, capsys):
    assert _push(run / "nowhere") == 2
    assert _push(run / "serving" / "1") == 2
    (run / "empty").mkdir()
    assert _push(run / "empty") == 2
    said = capsys.readouterr().err
    assert "there is no such folder" in said
    assert f"is one version. The folder of all versions was expected: {run / 'serving'}." in said
    assert "holds no version of a model" in said


def test_a_label_needs_a_version_to_promote(run, capsys):
    with pytest.raises(SystemExit) as ended:
        _push(run, "--as", "canary")
    assert ended.value.code == 2
    assert "--as belongs to --promote VERSION" in capsys.readouterr().err


def test_a_bucket_is_changed_as_a_folder_is(run, tmp_path, capsys):
    with object_stores.store("s3"):
        for number in (1, 2):
            remote_versions.push(tmp_path / f"model-{number}", "s3://bucket/taxi/serving", {}, run=f"taxi:{number}")
        uri, base = "s3://bucket/taxi", "s3://bucket/taxi/serving"
        assert push.main(["--model", uri, "--rollback", "--why", "wrong fares"]) == 0
        assert remote_versions.stable(base) == f"{base}/1"
        assert push.main(["--model", base]) == 0
        assert push.main(["--model", uri, "--promote", "7"]) == 2
        assert push.main(["--model", uri, "--promote", "2"]) == 0
        assert push.main(["--model", uri, "--keep", "1"]) == 0
        assert remote_versions.versions(base) == [2]
        assert storage.folders(base) == ["2"]
        storage.fetch(f"{base}/push.log", tmp_path / "log")
        assert push.main(["--model", "s3://bucket/nothing"]) == 2
    said = capsys.readouterr()
    told = said.out.splitlines()
    assert told[0] == f"Version 1 of {base} is stable now."
    assert [line.split()[0] for line in told[1:4]] == ["version", "2", "1"]
    assert told[3].split()[1] == "stable"
    assert told[4:] == [f"Version 2 of {base} is stable now.", f"Removed from {base}: 1."]
    assert "--promote 7: There is no version '7'. Expected one of 1, 2" in said.err
    assert "s3://bucket/nothing holds no version" in said.err
    actions = [(entry["action"], entry["version"]) for entry in push_log.entries(tmp_path / "log")]
    assert actions == [("push", 1), ("push", 2), ("rollback", 1), ("promote", 2), ("remove", 1)]


def test_labels_in_a_bucket_that_changed_meanwhile_stay(run, tmp_path):
    base = "s3://bucket/taxi"
    with object_stores.store("s3"):
        for number in (1, 2):
            remote_versions.push(tmp_path / f"model-{number}", base, {})
        with pytest.raises(UserError, match=r"models.config was changed meanwhile"):  # noqa: SIM117
            with remote_versions.changing(base) as (copy, _):
                version_changes.rollback(copy)
                assert push.main(["--model", base, "--promote", "1", "--as", "canary"]) == 0
        assert remote_versions.stable(base) == f"{base}/2"
