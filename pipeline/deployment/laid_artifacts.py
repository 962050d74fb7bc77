"""Lays the artifacts of a step on this machine, since TFX's executors use paths, and puts back what the step has made.

The launcher of Kubeflow Pipelines copies the inputs of a step to `/s3/BUCKET/KEY`, `/minio/...` or `/gcs/...` before
it runs, and the outputs from there afterwards; Vertex AI mounts `/gcs/BUCKET`. Where there is no such folder, the
artifacts are copied from the bucket and to it here.
"""

import contextlib
import os
import re
from collections.abc import Iterator
from typing import Any

from core import storage

_MOUNTS = {"gs": "gcs", "s3": "s3", "minio": "minio"}
_URI = re.compile(r"(\w+)://([^/]+)(.*)")


class LaidArtifacts:
    """The artifacts of a step.

    Args:
        executor_input: what the platform tells the step, in which local paths take the place of the URIs.
        scratch: an empty folder for copies.
        root: the folder in which the platform lays artifacts.
    """

    def __init__(self, executor_input: dict[str, Any], scratch: str, root: str = "/") -> None:
        self._scratch, self._root = scratch, root
        self._uris: dict[str, str] = {}  # by local path
        outputs = executor_input["outputs"]
        self.output_file = outputs["outputFile"] = self._lay(outputs["outputFile"])
        for artifact in _artifacts(executor_input["inputs"]):
            uri, artifact["uri"] = artifact["uri"], self._lay(artifact["uri"])
            if self._is_copy(artifact["uri"]):
                storage.fetch(uri, artifact["uri"])
        for artifact in _artifacts(outputs):
            artifact["uri"] = self._lay(artifact["uri"])
            os.makedirs(os.path.dirname(artifact["uri"]), exist_ok=True)

    def put_back(self, executor_output: dict[str, Any]) -> None:
        """Copies the outputs to their buckets, and gives them their URIs in the output of the step."""
        for artifact in _artifacts(executor_output):
            path, artifact["uri"] = artifact["uri"], self._uris.get(artifact["uri"], artifact["uri"])
            if self._is_copy(path):
                storage.upload_all(path, artifact["uri"])

    def put_back_output_file(self) -> None:
        """Copies the file with the output of the step to its bucket."""
        if self._is_copy(self.output_file):
            storage.upload(self.output_file, self._uris[self.output_file])

    def _is_copy(self, path: str) -> bool:
        return path in self._uris and path.startswith(self._scratch)

    def _lay(self, uri: str) -> str:
        path = local_path(uri, self._scratch, self._root)
        self._uris[path] = uri
        return path


@contextlib.contextmanager
def copied(uri: str, folder: str) -> Iterator[None]:
    """Makes a copy of a flat folder in a bucket; when the block ends well, the bucket gets what has changed in it."""
    storage.fetch(uri, folder)
    before = set(os.listdir(folder))
    yield
    after = set(os.listdir(folder))
    for name in after - before:
        storage.upload(os.path.join(folder, name), f"{uri}/{name}")
    for name in before - after:
        storage.remove(f"{uri}/{name}")


def local_path(uri: str, scratch: str, root: str = "/") -> str:
    """Returns where the platform lays an artifact; a place for a copy where it lays none of that bucket."""
    match = _URI.fullmatch(uri)
    if match is None or match[1] not in _MOUNTS:
        return uri
    place = os.path.join(_MOUNTS[match[1]], match[2])
    laid = os.path.join(root, place)
    return (laid if os.path.isdir(laid) else os.path.join(scratch, place)) + match[3]


def _artifacts(side: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for artifacts in side.get("artifacts", {}).values():
        yield from artifacts["artifacts"]
