"""Predicts the rows of files with a pushed model, one row group at a time."""

import contextlib
import errno
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

import ingest
from core import examples, storage
from core.errors import UserError
from core.spec import Spec
from models.serving import model_versions
from pipeline.prediction import trained_columns
from pipeline.prediction.prediction_table import Batch, PredictionTable, Training

if TYPE_CHECKING:
    from models.serving.served_model import ServedModel

_WRITERS = {".parquet": pq.ParquetWriter, ".csv": pa_csv.CSVWriter}
# A wide network's activations for a whole row group would not be small.
_REQUEST_ROWS = 4_096


def run(model: str, files: Sequence[str], to: Path, keep: Sequence[str], quiet: bool = False) -> int:
    """Writes the predictions and returns the exit code.

    Args:
        model: a folder of versions, or one version.
        files: paths and globs of the rows.
        to: the Parquet or CSV file to write. It appears when it is complete.
        keep: columns of the table to write beside the predictions.
        quiet: whether to print nothing.

    Raises:
        UserError: the model or the data do not exist, they do not fit together, or the file cannot be written.
    """
    begun = time.monotonic()
    _check_output(to, files)
    version = model_versions.find_version(Path(model))
    training = read_training(version)
    with PredictionTable(training, files, keep) as table:
        # TensorFlow takes seconds to import, so the model and the data are checked before.
        with _quiet_tensorflow():
            from models.serving import served_model

            loaded = served_model.load(str(version))
        with _writing(to) as write:
            rows = 0
            for batch in table.batches():
                write(predictions(loaded, batch, training.spec))
                rows += batch.features.num_rows
                if not quiet and sys.stderr.isatty():
                    print(f"{rows:,} rows", end="\r", file=sys.stderr, flush=True)
            if not rows:
                raise UserError(f"{files[0]} has no rows to predict: the query of the training removes all of them.")
        left_out = table.rejects()
    if not quiet:
        aside = f" {left_out:,} rows cannot be read and were left out." if left_out else ""
        seconds = time.monotonic() - begun
        print(f"{rows:,} rows predicted by {version} in {seconds:.1f} s: {to}.{aside}", file=sys.stderr)
    return 0


@contextlib.contextmanager
def _quiet_tensorflow() -> Iterator[None]:
    """Discards what TensorFlow's C++ code prints while it starts, such as an error that there is no GPU."""
    # It also warns of every column name that is no Python identifier, which does not matter here.
    logging.getLogger("absl").setLevel(logging.ERROR)
    sys.stderr.flush()
    stderr = os.dup(2)
    devnull = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(devnull, 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(devnull)


def _check_output(to: Path, files: Sequence[str]) -> None:
    if to.suffix.lower() not in _WRITERS:
        raise UserError(f"--to {to}: a file named .parquet or .csv was expected.")
    if to.is_dir():
        raise UserError(f"--to {to} is a folder. Name the file to write, such as {to / 'predictions.parquet'}.")
    if str(to.absolute()) in ingest.expand(files):
        raise UserError(f"--to {to} is one of the files to read. Name another file.")


def read_training(version: Path) -> Training:
    """Returns how the training of a pushed model read its table.

    Raises:
        UserError: the model was not pushed by this pipeline.
    """
    file = version / model_versions.METADATA_FILE
    if not file.exists():
        raise UserError(f"{version} has no {model_versions.METADATA_FILE}: it was not pushed by this pipeline.")
    metadata = json.loads(file.read_text())
    try:
        source = ingest.Source.from_json(metadata["source"])
    except ValueError:
        raise UserError(
            f"{version} was pushed by another version of Skewless, whose {model_versions.METADATA_FILE} is read "
            "differently. Run the pipeline again to push the model anew."
        ) from None
    spec = Spec.from_json(metadata["spec"])
    bounds, vocabularies = trained_columns.moment_bounds(version, spec), trained_columns.vocabularies(version, spec)
    return Training(spec, source, metadata.get("query", source.data.query), bounds, vocabularies)


def predictions(model: "ServedModel", batch: Batch, spec: Spec) -> pa.Table:
    """Returns the rows to write: the columns to keep, `prediction`, and for classes a `score_CLASS` each."""
    parts = [
        model(examples.dense(batch.features.slice(start, _REQUEST_ROWS), spec.features))
        for start in range(0, batch.features.num_rows, _REQUEST_ROWS)
    ]
    outputs = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    columns: dict[str, pa.Array] = dict(batch.kept)
    if not spec.label.classes:
        return pa.table({**columns, "prediction": pa.array(outputs["predictions"])})
    predicted = pa.array(outputs["predicted"], pa.binary()).cast(pa.string())
    columns["prediction"] = predicted.cast(pa.int64()) if spec.label.payload == "int" else predicted
    scores = {f"score_{name}": pa.array(outputs["scores"][:, index]) for index, name in enumerate(spec.label.classes)}
    return pa.table({**columns, **scores})


@contextlib.contextmanager
def _writing(to: Path) -> Iterator[Callable[[pa.Table], None]]:
    """Yields a function that writes a table; the file appears when the block ends, and an earlier one stays till then.

    Raises:
        UserError: the file cannot be written.
    """
    writers: list[pq.ParquetWriter | pa_csv.CSVWriter] = []
    try:
        with storage.replacing(to) as temporary, contextlib.ExitStack() as open_writer:

            def write(table: pa.Table) -> None:
                if not writers:  # the first table has the schema
                    writer = _WRITERS[to.suffix.lower()](str(temporary), table.schema)
                    writers.append(open_writer.enter_context(writer))
                writers[0].write_table(table)

            yield write
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise UserError(f"The disk is full: {to} was not written. Make room, or name another disk.") from error
        raise UserError(f"{to} cannot be written: {error.strerror or error}.") from error
