"""Makes temporary folders that are deleted with their owner, or by the next process where theirs was killed."""

import contextlib
import fcntl
import functools
import glob
import os
import shutil
import tempfile
import weakref

_PREFIX = "skewless-"
_LOCK = ".lock"


def make_folder(owner: object) -> str:
    """Returns a new folder that is deleted with its owner."""
    _sweep()
    path = tempfile.mkdtemp(prefix=_PREFIX)
    lock = os.open(os.path.join(path, _LOCK), os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)  # the system releases it when this process ends, in any way
    weakref.finalize(owner, _remove, path, lock)
    return path


def _remove(path: str, lock: int) -> None:
    shutil.rmtree(path, ignore_errors=True)
    os.close(lock)


@functools.cache
def _sweep() -> None:
    """Removes the folders of processes that have ended."""
    for lock in glob.glob(os.path.join(tempfile.gettempdir(), f"{_PREFIX}*", _LOCK)):
        with contextlib.suppress(OSError), open(lock, "r+b") as file:  # another user's file, or a lock that is held
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(os.path.dirname(lock), ignore_errors=True)
