"""Tests which temporary files are left on disk."""

import os
import pathlib
import subprocess
import sys
import tempfile

from ingest import connect, temporary_folder

_LEAVES = """
import os
from ingest import connect, temporary_folder

connection = connect()
print(temporary_folder(connection), flush=True)
{end}
"""


def leave(end: str) -> str:
    """Returns the scratch folder of a process that ended in some way."""
    done = subprocess.run([sys.executable, "-c", _LEAVES.format(end=end)], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def test_a_folder_vanishes_with_its_connection() -> None:
    connection = connect()
    folder = temporary_folder(connection)
    assert os.path.isdir(folder)
    connection.close()
    del connection
    assert not os.path.exists(folder)
    assert not os.path.exists(leave("connection.close()"))


def test_what_a_killed_process_left_is_removed_by_the_next() -> None:
    alive = connect()
    killed = leave("os.kill(os.getpid(), 9)")
    assert pathlib.Path(killed).parent == pathlib.Path(tempfile.gettempdir())
    assert os.path.isdir(killed)
    assert not os.path.exists(leave(""))
    assert not os.path.exists(killed)
    assert os.path.isdir(temporary_folder(alive)), "its process goes on"
