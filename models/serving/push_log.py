"""Logs what happened to the versions of a model: one JSON object a line in `push.log` beside them."""

import datetime
import getpass
import json
import os
import pathlib
import socket
from typing import Any

FILE = "push.log"


def append(base: pathlib.Path, action: str, version: int, **more: Any) -> None:
    """Adds a line, in one write, that says who did what and when.

    Args:
        base: the folder of the versions.
        action: `push`, `promote`, `rollback` or `remove`.
        version: the version that it was done to.
        more: further fields.
    """
    when = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    entry = {"when": when, "who": f"{_user()}@{socket.gethostname()}", "action": action, "version": version, **more}
    file = os.open(base / FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, (json.dumps(entry, ensure_ascii=False) + "\n").encode())
        os.fsync(file)
    finally:
        os.close(file)


def entries(base: pathlib.Path) -> list[dict[str, Any]]:
    """Returns what was logged, the oldest first; lines that are no JSON objects are left out."""
    try:
        lines = (base / FILE).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    found = []
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            found.append(entry)
    return found


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return str(os.getuid())
