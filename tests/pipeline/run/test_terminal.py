"""Tests that all output goes to the log of a run, also on a full disk."""

import subprocess
import sys

PROGRAM = """
import os, pathlib, resource, sys
from pipeline.run import terminal

# A limit on the size of a file stands in for a full disk.
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
with terminal.output_to(pathlib.Path(sys.argv[1])) as (stdout, stderr):
    print("from Python")
    os.write(1, b"from C\\n")
    sys.stdout.write("x" * int(sys.argv[2]))
    print("result", file=stdout)
    print("message", file=stderr)
print("after")
"""


def run(tmp_path, size):
    log = tmp_path / "log"
    return log, subprocess.run([sys.executable, "-c", PROGRAM, str(log), str(size)], capture_output=True, text=True)


def test_output_of_libraries_goes_to_the_log(tmp_path):
    log, done = run(tmp_path, 10)
    assert (done.returncode, done.stdout, done.stderr) == (0, "result\nafter\n", "message\n")
    assert sorted(log.read_text().splitlines()) == ["from C", "from Python", "x" * 10]


def test_what_a_full_disk_does_not_take_is_dropped_and_not_printed(tmp_path):
    log, done = run(tmp_path, 4_000)
    assert (done.returncode, done.stdout, done.stderr) == (0, "result\nafter\n", "message\n")
    assert log.stat().st_size == 2_000
