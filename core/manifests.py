"""Lists the files of a folder with their sizes and digests, and finds a file that has changed since."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from core import digests

Manifest = Mapping[str, Sequence[int | str]]
"""The path of each file relative to the folder, with its size in bytes and its digest."""


def of_folder(folder: Path) -> dict[str, list[int | str]]:
    """Returns the manifest of all files below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        found = pool.map(lambda path: [path.stat().st_size, digests.of_file(path)], files)
        return {path.relative_to(folder).as_posix(): entry for path, entry in zip(files, found, strict=True)}


def difference(folder: Path, manifest: Manifest, contents: bool = False) -> str:
    """Returns how the first file that has changed differs from its entry; empty where all files are as listed.

    Args:
        folder: the folder.
        manifest: its files when it was written; files that are not listed are not looked at.
        contents: whether the digests are compared too, for which every file is read.
    """
    for name, (size, digest) in manifest.items():
        path = folder / name
        try:
            if (found := path.stat().st_size) != size:
                return f"{path} has {found:,} bytes in place of {size:,}"
            if contents and digests.of_file(path) != digest:
                return f"the content of {path} has changed"
        except OSError as error:
            return f"{path} is missing" if isinstance(error, FileNotFoundError) else f"{path}: {error.strerror}"
    return ""
