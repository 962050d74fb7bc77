"""Analyzes train with a user's `preprocessing_fn` by stock Transform.

With a cache, each file of train is a separate dataset of tf.Transform, whose path is the digest of its content. A new
span costs only the analysis of its own files, although ExampleGen writes the earlier ones again to other paths.
"""

import contextlib
import os
import pathlib
import shutil
import tempfile
import time
from collections.abc import Iterator

import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx import types
from tfx.components.transform import executor as stock
from tfx.dsl.components.base import base_beam_executor
from tfx.proto import transform_pb2
from tfx.types import artifact_utils, standard_artifacts
from tfx.types import standard_component_specs as keys
from tfx.utils import io_utils, json_utils, proto_utils

from components.base import beam_errors
from core import digests, examples
from core.errors import UserError
from core.spec import Spec
from models.preprocessing import user_preprocessing

TRAIN = "train"


def analyze(
    context: base_beam_executor.BaseBeamExecutor.Context,
    made: types.Artifact,
    schema: schema_pb2.Schema,
    output: types.Artifact,
    spec: Spec,
    cache: str | None,
) -> int:
    """Writes the transform graph of a user's `preprocessing_fn`; returns how many files an earlier run analyzed.

    Args:
        context: the context of the calling executor.
        made: the Examples.
        schema: the schema of the graph's inputs.
        output: the transform graph.
        spec: names the function.
        cache: a folder that keeps the analysis of each file; None for none.

    Raises:
        UserError: the function fails.
    """
    dotted = spec.preprocessing_fn or ""
    user_preprocessing.find(dotted)
    files = examples.files(artifact_utils.get_split_uri([made], TRAIN))
    properties = {
        keys.PREPROCESSING_FN_KEY: "models.preprocessing.preprocessing_fn.preprocessing_fn",
        keys.CUSTOM_CONFIG_KEY: json_utils.dumps({"spec": spec.to_json()}),
        keys.DISABLE_STATISTICS_KEY: 1,
        keys.SPLITS_CONFIG_KEY: proto_utils.proto_to_json(transform_pb2.SplitsConfig(analyze=[TRAIN])),
    }
    with tempfile.TemporaryDirectory() as folder, _as_user_error(dotted):
        raw = _artifact(standard_artifacts.Schema, folder)
        io_utils.write_pbtxt_file(os.path.join(folder, "schema.pbtxt"), schema)
        inputs, outputs = {"examples": [made], "schema": [raw]}, {"transform_graph": [output]}
        if not cache:
            stock.Executor(context).Do(inputs, outputs, properties)
            return 0
        inputs["examples"] = [_view(file, pathlib.Path(cache)) for file in files]
        with _analyzer_cache(pathlib.Path(cache)) as (old, new):
            known = [folder.name for folder in pathlib.Path(old.uri).iterdir()] if old else []
            inputs |= {keys.ANALYZER_CACHE_KEY: [old]} if old else {}
            stock.Executor(context).Do(inputs, outputs | {keys.UPDATED_ANALYZER_CACHE_KEY: [new]}, properties)
        found = [pathlib.Path(view.uri).name for view in inputs["examples"]]
        return sum(any(digest in name for name in known) for digest in found)


def _artifact(kind: type[types.Artifact], uri: str | pathlib.Path) -> types.Artifact:
    artifact = kind()
    artifact.uri = str(uri)
    return artifact


def _view(file: str, cache: pathlib.Path) -> types.Artifact:
    """Returns Examples of one file, in a folder named by the digest of its content."""
    link = cache / "files" / digests.of_file(file) / f"Split-{TRAIN}" / "part.parquet"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(os.path.abspath(file))
    view = _artifact(standard_artifacts.Examples, link.parent.parent)
    view.split_names = artifact_utils.encode_split_names([TRAIN])
    view.set_string_custom_property("payload_format", "FORMAT_PARQUET")
    view.set_string_custom_property("file_format", "FILE_FORMAT_PARQUET")
    return view


@contextlib.contextmanager
def _analyzer_cache(cache: pathlib.Path) -> Iterator[tuple[types.Artifact | None, types.Artifact]]:
    """Yields the cache of the last run and an empty one, which replaces it when the block ends well."""
    old, new = cache / "analyzers", cache / f"analyzers.{os.getpid()}.{time.time_ns()}"
    try:
        yield (
            _artifact(standard_artifacts.TransformCache, old) if old.exists() else None,
            _artifact(standard_artifacts.TransformCache, new),
        )
        if new.exists():
            shutil.rmtree(old, ignore_errors=True)
            new.rename(old)
    finally:
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(cache / "files", ignore_errors=True)


@contextlib.contextmanager
def _as_user_error(dotted: str) -> Iterator[None]:
    """Raises an error of the user's function as a UserError."""
    try:
        with beam_errors.unwrapped():
            yield
    except UserError:
        raise
    except (tf.errors.OpError, ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise UserError(
            f"preprocessing_fn {dotted!r} failed while train was analyzed: {type(error).__name__}: {str(error)[:2000]}"
        ) from error
