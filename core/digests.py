"""Computes digests: of files, and of values that JSON can hold. Equal content gives equal digests on every machine."""

import functools
import hashlib
import json
import os

_blake2b = functools.partial(hashlib.blake2b, digest_size=16)


def of_file(path: str | os.PathLike[str]) -> str:
    """Returns the digest of a file's content as 32 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, _blake2b).hexdigest()


def of_values(*values: object) -> str:
    """Returns the digest of values as 32 hexadecimal digits; what JSON cannot hold counts as its text."""
    return _blake2b(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()
