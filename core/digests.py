"""Computes digests: of files, and of values that JSON can hold. Equal content gives equal digests on every machine."""

import functools
import hashlib
import importlib.metadata
import importlib.util
import json
import os

from core import storage

_blake2b = functools.partial(hashlib.blake2b, digest_size=16)


def of_file(path: str | os.PathLike[str]) -> str:
    """Returns the digest of a file's content as 32 hexadecimal digits; in an object store, of its size and ETag."""
    if storage.is_uri(path):
        return storage.content_key(os.fspath(path))
    with open(path, "rb") as file:
        return hashlib.file_digest(file, _blake2b).hexdigest()


def of_bytes(content: bytes) -> str:
    """Returns the digest of bytes, which is that of a file with this content."""
    return _blake2b(content).hexdigest()


def of_values(*values: object) -> str:
    """Returns the digest of values as 32 hexadecimal digits; what JSON cannot hold counts as its text."""
    return of_bytes(json.dumps(values, sort_keys=True, default=str).encode())


def of_module(function: str | None) -> str:
    """Returns the digest of the file that defines a function, given by its dotted path; empty without a function."""
    found = importlib.util.find_spec(function.rpartition(".")[0]) if function else None
    return of_file(found.origin) if found and found.origin and found.has_location else ""


def of_named(path: str) -> str:
    """Returns a digest of what a dotted path names: the version of its library, or the file of a user's module."""
    libraries = importlib.metadata.packages_distributions().get(path.partition(".")[0], ())
    return (
        of_values(*((name, importlib.metadata.version(name)) for name in sorted(set(libraries))))
        if libraries
        else of_module(path)
    )
