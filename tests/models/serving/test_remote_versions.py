"""Versions in object stores, on servers of S3 and of Google Cloud Storage."""

import pathlib

import pytest

from core import storage
from core.errors import UserError
from models.serving import push_log, remote_versions, version_labels
from tests import object_stores


@pytest.fixture(scope="module", params=["s3", "gs"])
def bucket(request):
    with object_stores.store(request.param):
        yield f"{request.param}://bucket"


def model(folder: pathlib.Path, content: bytes) -> pathlib.Path:
    (folder / "variables").mkdir(parents=True, exist_ok=True)
    (folder / "saved_model.pb").write_bytes(content)
    (folder / "variables" / "variables.index").write_bytes(content)
    return folder


def read(uri: str) -> str:
    with storage.open_binary(uri) as stream:
        return stream.read().decode()


def test_versions_are_pushed_labelled_and_found(bucket, tmp_path):
    base = f"{bucket}/trips/serving"
    assert remote_versions.stable(base) is None
    first = remote_versions.push(model(tmp_path, b"1"), base, {"assets.extra/a.json": b"{}"}, run="run 1")
    assert (first.path, first.version, first.new) == (f"{base}/1", 1, True)
    assert not remote_versions.push(tmp_path, base, {"assets.extra/a.json": b"{}"}).new
    assert remote_versions.push(model(tmp_path, b"2"), base, {}, run="run 2").path == f"{base}/2"
    storage.fetch(base, tmp_path / "copy")
    labels = version_labels.read(tmp_path / "copy", [1, 2])
    assert (labels.stable, labels.previous) == (2, 1)
    assert [entry["run"] for entry in push_log.entries(tmp_path / "copy")] == ["run 1", "run 2"]
    assert 'name: "trips"' in read(f"{base}/models.config")
    assert f'base_path: "{base}"' in read(f"{base}/models.config")
    with remote_versions.find_version(base) as (found, name):
        assert (name, (found / "variables" / "variables.index").read_bytes()) == (f"{base}/2", b"2")
    with remote_versions.find_version(f"{base}/1") as (found, name):
        assert (found / "assets.extra" / "a.json").read_bytes() == b"{}"


def test_a_push_that_was_stopped_is_no_version(bucket, tmp_path):
    base = f"{bucket}/stopped"
    storage.upload(model(tmp_path, b"1") / "saved_model.pb", f"{base}/1/variables/variables.index")
    assert remote_versions.versions(base) == []
    with pytest.raises(UserError, match="holds no version"), remote_versions.find_version(base):
        pass
    assert remote_versions.push(tmp_path, base, {}).version == 2
    storage.fetch(f"{base}/models.config", tmp_path / "copy")
    assert version_labels.read(tmp_path / "copy", [1, 2]).loaded() == [2]


def test_of_two_pushes_at_once_one_takes_a_number(tmp_path):
    with object_stores.store("s3"):
        storage.upload(
            model(tmp_path, b"1") / "saved_model.pb", uri := "s3://bucket/1/assets.extra/files.json", new=True
        )
        with pytest.raises(FileExistsError):
            storage.upload(tmp_path / "saved_model.pb", uri, new=True)


def test_a_bucket_that_does_not_exist_is_named(bucket, tmp_path):
    with pytest.raises(UserError, match="there is no bucket 'nothing'"):
        remote_versions.push(model(tmp_path, b"1"), f"{bucket.partition(':')[0]}://nothing/serving", {})
