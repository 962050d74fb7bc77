"""Reads files of this machine and of object stores, and writes files in one step.

A reader sees the previous content or the new one, never a part of it. An object store has URIs: `s3://` (Amazon
S3 and what speaks its protocol), `minio://`, as Kubeflow Pipelines calls the latter, and `gs://` (Google Cloud
Storage). fsspec reaches them, with the usual credentials of each: `AWS_*` (with `AWS_ENDPOINT_URL` for another server
than Amazon's) or `~/.aws`; `GOOGLE_APPLICATION_CREDENTIALS` or gcloud's (`STORAGE_EMULATOR_HOST` for an emulator). A
request that fails or breaks off is repeated some times, after waits that grow.
"""

import contextlib
import functools
import glob as local_glob
import hashlib
import json
import logging
import os
import pathlib
import re
import tempfile
from collections.abc import Iterator
from typing import IO, Any

from core.errors import UserError

SCHEMES = ("s3", "minio", "gs")
_URI = re.compile(rf"({'|'.join(SCHEMES)})://([^/]*)")
_GOOGLE_CREDENTIALS = (
    "GOOGLE_APPLICATION_CREDENTIALS (the file of a service account's key), or run "
    "`gcloud auth application-default login`"
)
_AWS_CREDENTIALS = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile in ~/.aws"


def is_uri(path: str | os.PathLike[str]) -> bool:
    """Returns whether a path names a file or folder of an object store."""
    return _URI.match(os.fspath(path)) is not None


def filesystem(uri: str) -> Any:
    """Returns fsspec's file system for a URI. It reads the asked bytes and no others, and remembers no listings."""
    scheme = uri.partition(":")[0]
    endpoint = os.environ.get("STORAGE_EMULATOR_HOST" if scheme == "gs" else "AWS_ENDPOINT_URL")
    with reaching(uri):
        return _filesystem(scheme, endpoint, os.getpid())


@functools.lru_cache
def _filesystem(scheme: str, endpoint: str | None, process: int) -> Any:
    """Returns a file system of its own for each server and process: a connection does not outlive a fork."""
    options: dict[str, Any] = {"use_listings_cache": False, "skip_instance_cache": True}
    if scheme == "gs":
        try:
            from gcsfs.core import GCSFileSystem  # not the one for buckets with folders, which asks by gRPC
        except ImportError:
            raise UserError("gs:// needs the package gcsfs, which is not installed: `pip install gcsfs`.") from None
        logging.getLogger("gcsfs").setLevel(logging.CRITICAL)  # it prints the stack of every error that it raises
        options["token"] = "anon" if endpoint else None

        class Gcs(GCSFileSystem):  # type: ignore[misc]
            def _open(self, *args: Any, **kwargs: Any) -> Any:
                return super()._open(*args, **{**kwargs, "cache_type": "none"})

        return Gcs(**options)
    import s3fs

    class Minio(s3fs.S3FileSystem):  # type: ignore[misc]
        protocol = ("minio",)

    return (Minio if scheme == "minio" else s3fs.S3FileSystem)(default_cache_type="none", **options)


@contextlib.contextmanager
def reaching(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turns what goes wrong while the block reads or writes an object store into errors for the user.

    Errors of local paths pass unchanged.

    Raises:
        UserError: the bucket does not exist or is forbidden, there are no credentials, the object does not exist, or
            the connection broke off each time that it was tried.
    """
    uri = os.fspath(path)
    match = _URI.match(uri)
    try:
        yield
    except (UserError, FileExistsError):
        raise
    except Exception as error:
        if match is None:
            raise
        raise UserError(_explained(error, uri, *match.groups())) from error


def _explained(error: Exception, uri: str, scheme: str, bucket: str) -> str:
    credentials = _GOOGLE_CREDENTIALS if scheme == "gs" else _AWS_CREDENTIALS
    if isinstance(error, FileNotFoundError):
        if "bucket does not exist" in str(error) or not _bucket_exists(uri):
            return f"{uri}: there is no bucket {bucket!r}. Check its name, and the server that the environment names."
        return f"{uri}: there is no such file in the bucket {bucket!r}. Check the path."
    if isinstance(error, PermissionError) or getattr(error, "code", None) in (401, 403) or "Forbidden" in str(error):
        return (
            f"{uri}: access to the bucket {bucket!r} is forbidden. Credentials that may use it were expected: set "
            f"{credentials}."
        )
    if "credentials" in type(error).__name__.lower() or "credentials" in str(error).lower():
        return f"{uri}: there are no credentials for the bucket {bucket!r}. Set {credentials}."
    reason = str(error).strip().rstrip(".") or type(error).__name__
    return f"{uri} cannot be reached, although it was tried several times: {reason}. Check the network and run again."


def _bucket_exists(uri: str) -> bool:
    """Returns whether the bucket of a URI can be listed; also where that cannot be told."""
    try:
        filesystem(uri).ls("/".join(uri.split("/", 3)[:3]))
    except FileNotFoundError:
        return False
    except Exception:  # the error that is being explained says more
        return True
    return True


def open_binary(path: str | os.PathLike[str]) -> IO[bytes]:
    """Opens a file of this machine or of an object store for reading; a read from a store is a request of its own."""
    uri = os.fspath(path)
    if not is_uri(uri):
        return open(path, "rb")
    with reaching(uri):
        opened: IO[bytes] = filesystem(uri).open(uri, "rb")
        return opened


def size(path: str) -> int:
    """Returns the bytes of a file."""
    if not is_uri(path):
        return os.path.getsize(path)
    with reaching(path):
        return int(filesystem(path).info(path)["size"])


def glob(pattern: str) -> list[str]:
    """Returns the files of a glob (`**` included), or the one that a path names, sorted; none where there are none."""
    if not is_uri(pattern):
        return sorted(path for path in local_glob.glob(pattern, recursive=True) if os.path.isfile(path))
    scheme = pattern.partition(":")[0]
    store = filesystem(pattern)
    with reaching(pattern):
        found = store.glob(pattern, detail=True) if local_glob.has_magic(pattern) else _one(store, pattern)
    return sorted(f"{scheme}://{path}" for path, info in found.items() if info["type"] == "file")


def _one(store: Any, uri: str) -> dict[str, Any]:
    """Returns the one object of a URI; none where the bucket has no such object."""
    try:
        info = store.info(uri)
    except FileNotFoundError:
        if not _bucket_exists(uri):
            raise
        return {}
    return {info["name"]: info}


def content_key(uri: str) -> str:
    """Returns a text that changes with the content of an object: its size and what the store computes of its bytes."""
    with reaching(uri):
        info = filesystem(uri).info(uri)
    return hashlib.blake2b(f"{info['size']} {info.get('ETag') or info['etag']}".encode(), digest_size=16).hexdigest()


def exists(uri: str) -> bool:
    """Returns whether there is an object of this URI; where there is not even the bucket, there is none."""
    with reaching(uri):
        return bool(filesystem(uri).isfile(uri))


def fetch(uri: str, folder: str | os.PathLike[str]) -> None:
    """Copies an object, or all objects below a URI, into a folder of this machine, which is made."""
    store = filesystem(uri)
    root = uri.partition("://")[2].rstrip("/")
    os.makedirs(folder, exist_ok=True)
    with reaching(uri):
        for path, info in store.find(uri, detail=True).items():
            if info["type"] == "file" and not path.endswith("/"):
                target = pathlib.Path(folder, os.path.relpath(path, root if path != root else os.path.dirname(root)))
                target.parent.mkdir(parents=True, exist_ok=True)
                store.get_file(path, str(target))


def upload(file: str | os.PathLike[str], uri: str, new: bool = False) -> None:
    """Copies a file of this machine to an object, which appears when it is complete: a store has no half object.

    Raises:
        FileExistsError: the object exists, and a new one was wanted. Of several writers at once one alone makes it.
    """
    with reaching(uri):
        filesystem(uri).put_file(os.fspath(file), uri, mode="create" if new else "overwrite")


def upload_all(path: str | os.PathLike[str], uri: str) -> None:
    """Copies a file, or all files below a folder, of this machine into a bucket."""
    local = pathlib.Path(path)
    if local.is_file():
        upload(local, uri)
    for file in sorted(found for found in local.rglob("*") if found.is_file()):
        upload(file, f"{uri.rstrip('/')}/{file.relative_to(local).as_posix()}")


def remove(uri: str) -> None:
    """Removes a file of this machine or of an object store."""
    if not is_uri(uri):
        os.remove(uri)
        return
    with reaching(uri):
        filesystem(uri).rm_file(uri)


def remove_all(uri: str) -> None:
    """Removes all objects below a URI."""
    with reaching(uri):
        filesystem(uri).rm(uri, recursive=True)


def folders(uri: str) -> list[str]:
    """Returns the names of the folders below a URI, in no order; none where there is no such folder."""
    store = filesystem(uri)
    with reaching(uri), contextlib.suppress(FileNotFoundError):
        found = store.ls(uri, detail=True)
        return [os.path.basename(info["name"].rstrip("/")) for info in found if info["type"] == "directory"]
    return []


def check_bucket(uri: str) -> None:
    """Raises UserError where the bucket of a URI does not exist."""
    if not _bucket_exists(uri):
        bucket = uri.split("/", 3)[2]
        raise UserError(f"{uri}: there is no bucket {bucket!r}. Make it, or name another one.")


@contextlib.contextmanager
def local_output(path: str | os.PathLike[str]) -> Iterator[pathlib.Path]:
    """Yields the path of a file or folder to write; for a URI one of this machine, which is copied when all is well."""
    if not is_uri(path):
        yield pathlib.Path(path)
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder, os.path.basename(os.fspath(path).rstrip("/")))
        yield copy
        upload_all(copy, os.fspath(path))


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[pathlib.Path]:
    """Yields the path of a temporary file in the same folder, which replaces `path` when the block ends well.

    The folder is created. Where the block raises, or writes no file, `path` stays as it was.
    """
    target = pathlib.Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        if temporary.exists():
            temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Writes a text file in UTF-8 in one step."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Writes a value as JSON in one step."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Returns the mapping in a JSON file; an empty one where there is no such file or it holds something else."""
    try:
        value = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def check_path(path: str | os.PathLike[str]) -> None:
    """Raises UserError for a path that is not UTF-8, which neither SQL, JSON nor TensorFlow can hold."""
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError:
        raise UserError(f"The path {os.fsencode(path)!r} is not UTF-8. Rename the file or its folder.") from None
