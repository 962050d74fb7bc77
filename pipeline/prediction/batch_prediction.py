"""Predicts the rows of files with a pushed model, one row group at a time."""

import contextlib
import dataclasses
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
from core import examples, storage, text
from core.errors import UserError
from core.spec import Spec
from models.serving import model_versions, remote_versions
from pipeline.prediction import train_stats
from pipeline.prediction.prediction_table import Batch, PredictionTable, Training
from pipeline.prediction.skew import Skew

if TYPE_CHECKING:
    from models.serving.served_model import ServedModel

_WRITERS = {".parquet": pq.ParquetWriter, ".csv": pa_csv.CSVWriter}
# A wide network's activations for a whole row group would not be small.
_REQUEST_ROWS = 4_096


@dataclasses.dataclass(frozen=True)
class Request:
    """The arguments of the command.

    Attributes:
        model: a folder of versions, or one version; a path or a URI.
        files: paths and globs of the rows.
        to: the path or URI of the Parquet or CSV file to write. It appears when it is complete.
        keep: columns of the table to write beside the predictions.
        sets: settings of the files as `data.KEY=VALUE`, in place of those of the training.
        allow_unknown: features whose values may all be unknown to the model.
        quiet: print only errors.
        json: print the summary as JSON on standard output, and nothing else there.
    """

    model: str
    files: Sequence[str]
    to: str
    keep: Sequence[str] = ()
    sets: Sequence[str] = ()
    allow_unknown: Sequence[str] = ()
    quiet: bool = False
    json: bool = False


def run(request: Request) -> int:
    """Writes the predictions and returns the exit code.

    Raises:
        UserError: the model or the data do not exist, they do not fit together, or the file cannot be written.
    """
    begun = time.monotonic()
    _check_output(request.to, request.files)
    with remote_versions.find_version(request.model) as (version, name):
        training = read_training(version)
        _check_names(request, training.spec)
        skew = Skew(training.stats)
        with PredictionTable(training, request.files, request.keep, _suffix(request.to), request.sets) as table:
            rows = _predict(request, version, table, skew)
            left_out = table.rejects()
    seconds = time.monotonic() - begun
    if not request.quiet:
        for warning in skew.warnings():
            print(f"warning: {warning}.", file=sys.stderr)
        aside = f" {left_out:,} rows cannot be read and were left out." if left_out else ""
        print(f"{rows:,} rows predicted by {name} in {seconds:.1f} s: {request.to}.{aside}", file=sys.stderr)
    if request.json:
        counts = {"rows": rows, "left_out": left_out, "seconds": round(seconds, 3)}
        found = {"warnings": skew.warnings(), "features": skew.to_dict()}
        print(json.dumps({"model": name, "to": request.to, **counts, **found}, indent=2))
    return 0


def _predict(request: Request, version: Path, table: PredictionTable, skew: Skew) -> int:
    """Writes the file and returns the number of its rows; adds them to the comparison with train, and checks that."""
    # TensorFlow takes seconds to import, so the model and the data are checked before.
    with _quiet_tensorflow():
        from models.serving import served_model

        loaded = served_model.load(str(version))
    rows = 0
    with _writing(request.to) as write:
        for batch in table.batches():
            skew.add(batch.features)
            write(predictions(loaded, batch, table.spec))
            rows += batch.features.num_rows
            if not request.quiet and sys.stderr.isatty():
                print(f"{rows:,} rows", end="\r", file=sys.stderr, flush=True)
        if table.has_rows and not rows:
            raise UserError(
                f"{request.files[0]} has no rows to predict: the query of the training removes all of them."
            )
        skew.check(request.allow_unknown)
    return rows


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


def _suffix(file: str) -> str:
    return os.path.splitext(file)[1].lower()


def _check_output(to: str, files: Sequence[str]) -> None:
    storage.check_path(to)
    if _suffix(to) not in _WRITERS:
        raise UserError(f"--to {to}: a file named .parquet or .csv was expected.")
    if storage.is_uri(to):
        storage.check_bucket(to)
    elif os.path.isdir(to):
        example = os.path.join(to, "predictions.parquet")
        raise UserError(f"--to {to} is a folder. Name the file to write, such as {example}.")
    if (to if storage.is_uri(to) else os.path.abspath(to)) in ingest.expand(files):
        raise UserError(f"--to {to} is one of the files to read. Name another file.")


def _check_names(request: Request, spec: Spec) -> None:
    outputs = {name.casefold(): name for name in ("prediction", *_score_columns(spec))}
    clashing = [name for name in request.keep if name.casefold() in outputs]
    if clashing:
        raise UserError(
            f"--keep {clashing[0]}: the predictions have a column {outputs[clashing[0].casefold()]!r}. Rename the "
            "column of the data, or leave it out of --keep."
        )
    features = [feature.name for feature in spec.features]
    for name in request.allow_unknown:
        if name not in features:
            raise UserError(f"--allow-unknown: {text.unknown('feature', name, features)}")


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
    stats = train_stats.read(version, spec)
    bounds, vocabularies = train_stats.moment_bounds(stats), train_stats.vocabularies(stats)
    return Training(spec, source, metadata.get("query", source.data.query), bounds, vocabularies, stats)


def predictions(model: "ServedModel", batch: Batch, spec: Spec) -> pa.Table:
    """Returns the rows to write: the columns to keep, `prediction`, and for classes a `score_CLASS` each."""
    parts = [
        model(examples.dense(batch.features.slice(start, _REQUEST_ROWS), spec.features))
        for start in range(0, max(1, batch.features.num_rows), _REQUEST_ROWS)
    ]
    outputs = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    if not spec.label.classes:
        return pa.table({**batch.kept, "prediction": pa.array(outputs["predictions"])})
    predicted = pa.array(outputs["predicted"], pa.binary()).cast(pa.string())
    prediction = predicted.cast(pa.int64()) if spec.label.payload == "int" else predicted
    scores = {name: pa.array(outputs["scores"][:, index]) for index, name in enumerate(_score_columns(spec))}
    return pa.table({**batch.kept, "prediction": prediction, **scores})


def _score_columns(spec: Spec) -> list[str]:
    return [f"score_{name}" for name in spec.label.classes]


@contextlib.contextmanager
def _writing(to: str) -> Iterator[Callable[[pa.Table], None]]:
    """Yields a function that writes a table; the file appears when the block ends, and an earlier one stays till then.

    Raises:
        UserError: the file cannot be written.
    """
    writers: list[pq.ParquetWriter | pa_csv.CSVWriter] = []
    try:
        with storage.replacing(to) as temporary, contextlib.ExitStack() as open_writer:

            def write(table: pa.Table) -> None:
                if not writers:  # the first table has the schema
                    writer = _WRITERS[_suffix(to)](str(temporary), table.schema)
                    writers.append(open_writer.enter_context(writer))
                writers[0].write_table(table)

            yield write
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise UserError(f"The disk is full: {to} was not written. Make room, or name another disk.") from error
        raise UserError(f"{to} cannot be written: {error.strerror or error}.") from error
