"""The command that shows and changes the versions of a model."""

import pathlib

import pytest

from models.serving import model_versions
from pipeline import push


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


def test_a_bucket_is_refused_with_what_to_do(capsys):
    with pytest.raises(SystemExit, match="2"):
        push.main(["--model", "s3://models/taxi/serving"])
    assert "In a bucket, edit models.config beside the versions" in " ".join(capsys.readouterr().err.split())
