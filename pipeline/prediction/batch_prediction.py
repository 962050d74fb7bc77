"""Predictions for the rows of files: model, table and output file brought together, a row group at a time."""

import contextlib
import errno
import json
import logging
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

import ingest
from core import examples
from core.errors import UserError
from core.spec import Spec
from models.serving import model_versions
from pipeline.prediction.prediction_table import Batch, Training, UnseenTable

if TYPE_CHECKING:
    from models.serving.served_model import ServedModel

_SUFFIXES = (".parquet", ".csv")
# A wide network's activations for a whole row group would not be small.
_REQUEST_ROWS = 4_096


class _Writer(Protocol):
    def write_table(self, table: pa.Table) -> None: ...

    def close(self) -> None: ...


def run(model: str, files: Sequence[str], to: Path, keep: Sequence[str], quiet: bool = False) -> int:
    """Writes the predictions; returns the exit code.

    Args:
        model: a folder of versions, or one version.
        files: paths and globs of the rows.
        to: the Parquet or CSV file to write. It appears when it is complete.
        keep: columns of the table to write beside the predictions.
        quiet: whether to print nothing.

    Raises:
        UserError: there is no such model or data, they do not fit together, or the file cannot be written.
    """
    begun = time.monotonic()
    _check_output(to, files)
    version = find_version(Path(model))
    training = read_training(version)
    with UnseenTable(training, files, keep) as table:
        # It takes seconds to import: only now is it certain that there is something to do.
        with _hushed():
            from models.serving import served_model

            loaded = served_model.load(str(version))
        with _writing(to) as write:
            rows = 0
            for batch in table.batches():
                write(answers(loaded, batch, training.spec))
                rows += batch.features.num_rows
                if not quiet and sys.stderr.isatty():
                    print(f"{rows:,} rows", end="\r", file=sys.stderr, flush=True)
            if not rows:
                raise UserError(f"{files[0]} has no rows to predict: the query of the training leaves none of them.")
        left_out = table.rejects()
    if not quiet:
        aside = f" {left_out:,} rows cannot be read and were left out." if left_out else ""
        seconds = time.monotonic() - begun
        print(f"{rows:,} rows predicted by {version} in {seconds:.1f} s: {to}.{aside}", file=sys.stderr)
    return 0


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """Sends nowhere what TensorFlow's C++ says while it starts: on a machine without a GPU it calls that an error."""
    # It also warns of every column name that Python could not call by itself, though nothing comes of it.
    logging.getLogger("absl").setLevel(logging.ERROR)
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _check_output(to: Path, files: Sequence[str]) -> None:
    if to.suffix.lower() not in _SUFFIXES:
        raise UserError(f"--to {to}: a file named .parquet or .csv was expected.")
    if to.is_dir():
        raise UserError(f"--to {to} is a folder. Name the file to write, such as {to / 'predictions.parquet'}.")
    if str(to.absolute()) in ingest.expand(files):
        raise UserError(f"--to {to} is one of the files to read. Name another file.")


def find_version(folder: Path) -> Path:
    """Returns the folder of a version: the newest below the folder, or the folder itself.

    Raises:
        UserError: there is none.
    """
    if not folder.is_dir():
        raise UserError(f"--model {folder}: there is no such folder. A run leaves its models in runs/NAME/serving.")
    if (folder / "saved_model.pb").exists():
        return folder
    for base in (folder, folder / "serving"):
        found = model_versions.versions(base) if base.is_dir() else []
        if found:
            return base / str(max(found))
    raise UserError(
        f"--model {folder} holds no version of a model (a folder named by a number). "
        "A run leaves its models in runs/NAME/serving, if they pass their gates."
    )


def read_training(version: Path) -> Training:
    """Returns how the training of a pushed model read its table.

    Raises:
        UserError: the model was not pushed by this pipeline.
    """
    file = version / model_versions.METADATA_FILE
    if not file.exists():
        raise UserError(f"{version} has no {model_versions.METADATA_FILE}: it was not pushed by this pipeline.")
    metadata = json.loads(file.read_text())
    source = ingest.Source.from_json(metadata["source"])
    return Training(Spec.from_json(metadata["spec"]), source, metadata.get("query", source.query))


def answers(model: "ServedModel", batch: Batch, spec: Spec) -> pa.Table:
    """Returns the rows to write: the columns to keep, `prediction`, and for classes `score_CLASS` each."""
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
def _writing(to: Path) -> Iterator["_Write"]:
    """Gives what takes tables; the file appears when the block ends well, and an earlier one stays until then."""
    temporary = to.with_name(f".{to.name}.{os.getpid()}.tmp")
    write = _Write(temporary, to.suffix.lower())
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        yield write
        write.close()
        temporary.replace(to)
    except OSError as error:
        raise UserError(_explain(error, to)) from error
    finally:
        temporary.unlink(missing_ok=True)


def _explain(error: OSError, to: Path) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"The disk is full: {to} was not written. Make room, or name a file on another disk."
    return f"{to} cannot be written: {error.strerror or error}."


class _Write:
    """Writes tables to one file, which begins with the first of them."""

    def __init__(self, path: Path, suffix: str) -> None:
        self._path, self._suffix = path, suffix
        self._writer: _Writer | None = None

    def __call__(self, table: pa.Table) -> None:
        if self._writer is None:
            make = pq.ParquetWriter if self._suffix == ".parquet" else pa_csv.CSVWriter
            self._writer = make(str(self._path), table.schema)
        self._writer.write_table(table)

    def close(self) -> None:
        """Ends the file."""
        if self._writer is not None:
            self._writer.close()
