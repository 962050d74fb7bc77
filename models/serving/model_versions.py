"""The folder that a model server watches: versions as growing integers, and none of them ever half there.

Standard library only: who writes versions and who reads them share it.
"""

import contextlib
import dataclasses
import errno
import fcntl
import hashlib
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping

from core.errors import UserError

# In a version beside the SavedModel: how its training read tables.
METADATA_FILE = "assets.extra/skewless.json"
# Where TensorFlow Serving looks for requests to play to itself.
WARM_UP_FILE = "assets.extra/tf_serving_warmup_requests"
_DIGEST_FILE = "assets.extra/digest"
# What a killed push leaves begins with this: no model server takes it for a version.
_TEMPORARY = ".push-"


@dataclasses.dataclass(frozen=True)
class Version:
    """A version of the served model; `new` if it was not there before."""

    path: pathlib.Path
    version: int
    new: bool


def push(model: pathlib.Path, base: pathlib.Path, extra: Mapping[str, bytes]) -> Version:
    """Makes a model the newest version below a folder; if it is that already, nothing changes.

    Args:
        model: the folder of a SavedModel.
        base: the folder of the versions.
        extra: further files of the version, by path in it.

    Raises:
        UserError: the disk is full, or the folder cannot be written. What was served before is untouched.
    """
    try:
        base.mkdir(parents=True, exist_ok=True)
        with _alone(base):
            digest = _digest(model, extra)
            version = max(versions(base), default=0)
            if version and _digest_of(base / str(version)) == digest:
                return Version(base / str(version), version, new=False)
            path = base / str(version + 1)
            _place(model, path, {**extra, _DIGEST_FILE: digest.encode()})
            return Version(path, version + 1, new=True)
    except OSError as error:
        raise UserError(_explain(error, base)) from error


def versions(base: pathlib.Path) -> list[int]:
    """Returns the versions below a folder, in no order."""
    return [int(path.name) for path in base.iterdir() if path.name.isdecimal() and path.is_dir()]


@contextlib.contextmanager
def _alone(base: pathlib.Path) -> Iterator[None]:
    """Waits for other pushes to this folder, then clears what killed ones left."""
    folder = os.open(base, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        for left in base.glob(f"{_TEMPORARY}*"):
            shutil.rmtree(left)
        yield
    finally:
        os.close(folder)


def _place(model: pathlib.Path, path: pathlib.Path, extra: Mapping[str, bytes]) -> None:
    """Builds a version beside its place, and moves it there when every byte is on the disk."""
    temporary = pathlib.Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=path.parent))
    try:
        # A model server may run as another user.
        temporary.chmod(0o755)
        for source in sorted(model.rglob("*")):
            target = temporary / source.relative_to(model)
            target.mkdir() if source.is_dir() else shutil.copyfile(source, target)
        for name, content in extra.items():
            (temporary / name).parent.mkdir(parents=True, exist_ok=True)
            (temporary / name).write_bytes(content)
        for each in [*temporary.rglob("*"), temporary]:
            _sync(each)
        temporary.rename(path)
        _sync(path.parent)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _sync(path: pathlib.Path) -> None:
    """Waits until a file or the entries of a folder are on the disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _digest(model: pathlib.Path, extra: Mapping[str, bytes]) -> str:
    """Returns what tells two versions apart: all names and contents."""
    found = hashlib.sha256()
    for path in sorted(each for each in model.rglob("*") if each.is_file()):
        found.update(f"{path.relative_to(model)}:{path.stat().st_size}:".encode())
        found.update(path.read_bytes())
    for name, content in sorted(extra.items()):
        found.update(f"{name}:{len(content)}:".encode() + content)
    return found.hexdigest()


def _digest_of(version: pathlib.Path) -> str | None:
    """Returns the digest that a version was pushed with; None if it was put there otherwise."""
    file = version / _DIGEST_FILE
    return file.read_text() if file.exists() else None


def _explain(error: OSError, base: pathlib.Path) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return (
            f"The disk of {base} is full, so the model was not pushed. Make room and run again: only this stage runs."
        )
    return (
        f"The model could not be pushed to {base}: {error.strerror}. A folder that can be written was expected there."
    )
