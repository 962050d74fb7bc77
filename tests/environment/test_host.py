import pathlib
import subprocess
import sys

import pytest

from environment import host

DEBIAN_12 = host.Host(system="linux", machine="x86_64", implementation="cpython", python=(3, 11), glibc=(2, 36))


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("glibc 2.36", (2, 36)),
        ("glibc 2.41\n", (2, 41)),
        ("glibc 2.39.9000", (2, 39)),
        ("musl 1.2", None),
        ("glibc", None),
        ("", None),
    ],
)
def test_glibc_version(text: str, version: tuple[int, int] | None) -> None:
    assert host.glibc_version(text) == version


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"system": "darwin", "glibc": None}, "this is macOS"),
        ({"system": "win32", "machine": "AMD64", "glibc": None}, "this is Windows"),
        ({"machine": "aarch64"}, "this is aarch64"),
        ({"glibc": None}, "musl"),
        ({"glibc": (2, 17)}, "this is 2.17"),
        ({"python": (3, 12)}, "this is Python 3.12"),
        ({"python": (3, 9)}, "this is Python 3.9"),
        ({"implementation": "pypy"}, "this is pypy 3.11"),
    ],
)
def test_where_it_cannot_work_it_says_so_in_two_lines(change: dict[str, object], words: str) -> None:
    problem = host.problem(DEBIAN_12._replace(**change))
    assert problem is not None
    first, second = problem.splitlines()
    assert words in first
    assert "docker build" in second


@pytest.mark.parametrize("glibc", [(2, 28), (2, 35), (2, 36), (2, 39), (2, 41)])
def test_every_glibc_from_2_28_on_works(glibc: tuple[int, int]) -> None:
    assert host.problem(DEBIAN_12._replace(glibc=glibc)) is None


@pytest.mark.parametrize(
    ("glibc", "replaces"), [((2, 35), True), ((2, 38), True), ((2, 39), False), ((2, 41), False), ((3, 0), False)]
)
def test_native_modules_are_replaced_before_glibc_2_39(glibc: tuple[int, int], replaces: bool) -> None:
    assert DEBIAN_12._replace(glibc=glibc).replaces_native is replaces


def test_this_machine_is_one_where_it_works() -> None:
    assert host.problem(host.this_host()) is None


def test_memory() -> None:
    memory = host.memory()
    assert memory is not None
    free, total = memory
    assert 0 < free <= total


def test_the_scripts_speak_to_an_old_python() -> None:
    folder = pathlib.Path(host.__file__).parent
    check = "import ast, sys; [ast.parse(open(name).read(), feature_version=(3, 8)) for name in sys.argv[1:]]"
    subprocess.run([sys.executable, "-c", check, *map(str, folder.glob("*.py"))], check=True)
