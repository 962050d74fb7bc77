"""Reads and pushes versions of a served model by path or URI; those of an object store through copies on this machine.

A store has neither locks nor folders to rename. So a push takes a number by creating the first object of the version,
which of several pushes one alone can do. `saved_model.pb`, without which there is no version, is its last object, and
`models.config`, which names the versions that a server loads, is written after it. The number of a push that was
stopped stays unused.

A change of labels replaces `models.config`, which is one object: a server reads the labels before it or those after it.
The objects of a version go when no label names it any more, `saved_model.pb` first, and of a version without that none
is read.
"""

import contextlib
import json
import pathlib
import tempfile
from collections.abc import Iterator, Mapping

from core import storage
from core.errors import UserError
from models.serving import model_versions, push_log, version_labels
from models.serving.model_versions import MANIFEST_FILE, Version

_MODEL_FILE = "saved_model.pb"


@contextlib.contextmanager
def find_version(model: str) -> Iterator[tuple[pathlib.Path, str]]:
    """Yields the version that a person names by `--model`, as a folder of this machine, and its name for messages.

    For a URI the folder is a copy, which is deleted when the block ends.

    Raises:
        UserError: there is none, or it is damaged.
    """
    if not storage.is_uri(model):
        found = model_versions.find_version(pathlib.Path(model))
        yield found, str(found)
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder)
        base = model.rstrip("/")
        uri = base if storage.exists(f"{base}/{_MODEL_FILE}") else stable(base) or stable(f"{base}/serving")
        if uri is None:
            storage.check_bucket(model)
            raise UserError(f"--model {model} holds no version of a model (a folder named by a number).")
        storage.fetch(uri, copy)
        if damaged := model_versions.damage(copy):
            raise UserError(f"--model {uri} is damaged: {damaged}. Push the model anew, or name another version.")
        yield copy, uri


def stable(base: str) -> str | None:
    """Returns the URI of the stable version below a URI; None without any."""
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder)
        _fetch(f"{base}/{version_labels.CONFIG_FILE}", copy)
        number = version_labels.read(copy, versions(base)).stable
    return None if number is None else f"{base}/{number}"


def versions(base: str) -> list[int]:
    """Returns the complete versions below a URI, in no order; none where there is no such folder."""
    return [number for number in _numbers(base) if storage.exists(f"{base}/{number}/{_MODEL_FILE}")]


def push(model: pathlib.Path, base: str, extra: Mapping[str, bytes], run: str = "") -> Version:
    """Makes a model the newest version below a path or URI: see `model_versions.push`.

    Raises:
        UserError: the folder cannot be written, or the bucket does not exist. What was served before is untouched.
    """
    if not storage.is_uri(base):
        return model_versions.push(model, pathlib.Path(base), extra, run)
    base = base.rstrip("/")
    listed = model_versions.manifest(model, extra)
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder)
        earlier = versions(base)
        version = max(earlier, default=0)
        new = not version or _manifest(f"{base}/{version}", copy) != listed
        if new:
            version = _upload(model, base, {**extra, MANIFEST_FILE: json.dumps(listed).encode()}, copy)
        _fetch_labels(base, copy)
        if new or not model_versions.is_logged(copy, version):
            before = (copy / version_labels.CONFIG_FILE).read_bytes()
            labels = version_labels.read(copy, earlier)
            model_versions.relabel(copy, labels.moved("stable", version), "push", version, run=run)
            _replace_labels(base, copy, before)
        return Version(f"{base}/{version}", version, new)


@contextlib.contextmanager
def changing(model: str) -> Iterator[tuple[pathlib.Path, str]]:
    """Yields the folder of the versions that a person names by `--model`, for changes, and its name for messages.

    For a URI the folder is a copy. What the block changes in it is done in the bucket when the block ends well.

    Raises:
        UserError: there are no versions, or another change of the labels came first.
    """
    if not storage.is_uri(model):
        found = model_versions.find_versions(pathlib.Path(model))
        yield found, str(found)
        return
    given = model.rstrip("/")
    base = next((uri for uri in (given, f"{given}/serving") if versions(uri)), None)
    if base is None:
        storage.check_bucket(model)
        raise UserError(f"--model {model} holds no version of a model (a folder named by a number).")
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder)
        numbers = versions(base)
        config = copy / version_labels.CONFIG_FILE
        _fetch_labels(base, copy)
        for number in numbers:
            storage.fetch(f"{base}/{number}", copy / str(number))
        before = config.read_bytes()
        logged = len(push_log.entries(copy))
        yield copy, base
        if len(push_log.entries(copy)) > logged:
            _replace_labels(base, copy, before)
        for number in numbers:
            if not (copy / str(number)).exists():
                storage.remove(f"{base}/{number}/{_MODEL_FILE}")
                storage.remove_all(f"{base}/{number}")


def _fetch_labels(base: str, copy: pathlib.Path) -> None:
    """Copies the labels and the log into a folder; the labels of a model without any are begun there."""
    for name in (*version_labels.FILES, push_log.FILE):
        _fetch(f"{base}/{name}", copy)
    if not (copy / version_labels.CONFIG_FILE).exists():
        version_labels.begin(copy, base)


def _replace_labels(base: str, copy: pathlib.Path, before: bytes) -> None:
    """Writes the labels and the log of a folder into a bucket, unless the labels there are no longer those before."""
    uri = f"{base}/{version_labels.CONFIG_FILE}"
    with tempfile.TemporaryDirectory() as folder:
        _fetch(uri, pathlib.Path(folder))
        now = pathlib.Path(folder, version_labels.CONFIG_FILE)
        if now.exists() and now.read_bytes() != before:
            raise UserError(f"{uri} was changed meanwhile, so the labels were not written. Run the command again.")
    for name in (push_log.FILE, *version_labels.FILES):
        storage.upload(copy / name, f"{base}/{name}")


def _upload(model: pathlib.Path, base: str, extra: Mapping[str, bytes], scratch: pathlib.Path) -> int:
    """Copies a version into a bucket, the manifest first and `saved_model.pb` last, and returns its number."""
    files = {path.relative_to(model).as_posix(): path for path in sorted(model.rglob("*")) if path.is_file()}
    for position, (name, content) in enumerate(extra.items()):
        files[name] = scratch / f"extra-{position}"
        files[name].write_bytes(content)
    last = files.pop(_MODEL_FILE)
    number = _take(base, files.pop(MANIFEST_FILE))
    for name, path in files.items():
        storage.upload(path, f"{base}/{number}/{name}")
    storage.upload(last, f"{base}/{number}/{_MODEL_FILE}")
    return number


def _take(base: str, manifest: pathlib.Path) -> int:
    """Returns a number that no other push has, by creating the manifest of its version."""
    number = max(_numbers(base), default=0) + 1
    try:
        storage.upload(manifest, f"{base}/{number}/{MANIFEST_FILE}", new=True)
    except FileExistsError:
        return _take(base, manifest)
    return number


def _numbers(base: str) -> list[int]:
    return [int(name) for name in storage.folders(base) if name.isdecimal()]


def _manifest(version: str, scratch: pathlib.Path) -> dict[str, list[int | str]]:
    _fetch(f"{version}/{MANIFEST_FILE}", scratch)
    return storage.read_json(scratch / pathlib.Path(MANIFEST_FILE).name)


def _fetch(uri: str, folder: pathlib.Path) -> None:
    """Copies an object into a folder, if there is such an object."""
    if storage.exists(uri):
        storage.fetch(uri, folder)
