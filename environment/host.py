"""Describes the machine, and decides whether the locked packages can run on it.

Standard library and the syntax of Python 3.8 only: an older Python must be able to report the problem.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from typing import NamedTuple

# TensorFlow Data Validation 1.21 and ML Metadata 1.21 are built against this version of glibc.
NATIVE_GLIBC = (2, 39)
DOCKER = "Use Docker instead: docker build -t skewless . && docker run --rm -it skewless"


class Host(NamedTuple):
    """The facts that decide whether the packages run.

    Attributes:
        system: `sys.platform`.
        machine: the processor's architecture.
        implementation: of Python, such as `cpython`.
        python: its version, (major, minor).
        glibc: the version of glibc; None for another C library.
    """

    system: str
    machine: str
    implementation: str
    python: tuple[int, int]
    glibc: tuple[int, int] | None

    @property
    def replaces_native(self) -> bool:
        """Whether the two native modules must be replaced by those for an older glibc."""
        return self.glibc is not None and self.glibc < NATIVE_GLIBC


def this_host() -> Host:
    """Returns the facts about this machine and this Python."""
    return Host(
        system=sys.platform,
        machine=platform.machine(),
        implementation=sys.implementation.name,
        python=sys.version_info[:2],
        glibc=glibc_version(_libc()),
    )


def _libc() -> str:
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, ValueError, OSError):  # Windows, musl, macOS
        return ""


def glibc_version(text: str) -> tuple[int, int] | None:
    """Returns (2, 36) for `glibc 2.36`; None for another C library."""
    name, _, version = text.strip().partition(" ")
    numbers = version.split(".")[:2]
    if name != "glibc" or len(numbers) != 2 or not all(number.isdigit() for number in numbers):
        return None
    return int(numbers[0]), int(numbers[1])


def problem(host: Host) -> str | None:
    """Returns a reason and a remedy, in two lines, if the environment cannot be made here; otherwise None."""
    if not host.system.startswith("linux"):
        name = {"darwin": "macOS", "win32": "Windows"}.get(host.system, host.system)
        return f"Skewless needs Linux: TFX has packages for no other system, and this is {name}.\n{DOCKER}"
    if host.machine not in ("x86_64", "AMD64"):
        return (
            f"Skewless needs an x86-64 processor: TFX has packages for no other, and this is {host.machine}.\n{DOCKER}"
        )
    if host.glibc is None:
        return (
            f"Skewless needs a Linux with glibc: TFX's packages do not load with musl or another C library.\n{DOCKER}"
        )
    if host.glibc < (2, 28):
        version = "{}.{}".format(*host.glibc)
        return f"Skewless needs glibc 2.28 or newer (Debian 10, Ubuntu 20.04, RHEL 8), and this is {version}.\n{DOCKER}"
    if host.python != (3, 11) or host.implementation != "cpython":
        found = "{} {}.{}".format({"cpython": "Python"}.get(host.implementation, host.implementation), *host.python)
        return (
            f"Skewless needs Python 3.11: TFX 1.21 has packages for no other version, and this is {found}.\n"
            f"Install Python 3.11 (apt, dnf, pyenv or uv have it) and run make again. {DOCKER}"
        )
    return None


def memory() -> tuple[int, int] | None:
    """Returns the free and the total memory in bytes, within a container's limit; None without /proc."""
    sizes = {}
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            for line in lines:
                name, _, value = line.partition(":")
                sizes[name] = int(value.split()[0]) * 1024
    except OSError:
        return None
    free, total = sizes["MemAvailable"], sizes["MemTotal"]
    try:
        with open("/sys/fs/cgroup/memory.max", encoding="ascii") as limit:
            total = min(total, int(limit.read()))
        with open("/sys/fs/cgroup/memory.current", encoding="ascii") as used:
            free = min(free, total - int(used.read()))
    except (OSError, ValueError):  # no such limit
        pass
    return free, total


def gpus() -> tuple[str, ...]:
    """Returns the NVIDIA GPUs as `name, memory, driver version`, without the slow import of TensorFlow."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ()
    query = [tool, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(line.strip() for line in answer.stdout.decode().splitlines() if line.strip())
