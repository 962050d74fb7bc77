"""Predicts the rows of files with a pushed model, one row group at a time."""

import contextlib
import dataclasses
import functools
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

import ingest
from core import examples, storage, text
from core.errors import UserError
from core.spec import Spec
from models.serving import model_versions, remote_versions
from pipeline.prediction import shards, train_stats, writers
from pipeline.prediction.prediction_table import Batch, PredictionTable, Training
from pipeline.prediction.skew import Skew

if TYPE_CHECKING:
    from models.serving.served_model import ServedModel

# A wide network's activations for a whole row group would not be small.
_REQUEST_ROWS = 4_096


@dataclasses.dataclass(frozen=True)
class Request:
    """The arguments of the command.

    Attributes:
        model: a folder of versions, or one version; a path or a URI.
        files: paths and globs of the rows.
        to: the file to write, which appears when it is complete; or a folder, in which each file gets a part. A path or
            a URI, to which the files are copied when all are complete.
        keep: columns of the table to write beside the predictions.
        sets: settings of the files as `data.KEY=VALUE`, in place of those of the training.
        allow_unknown: features whose values may all be unknown to the model.
        beam: the options of Beam's runner, which predicts the parts; None for this process.
        quiet: print only errors.
        json: print the summary as JSON on standard output, and nothing else there.
    """

    model: str
    files: Sequence[str]
    to: str
    keep: Sequence[str] = ()
    sets: Sequence[str] = ()
    allow_unknown: Sequence[str] = ()
    beam: str | None = None
    quiet: bool = False
    json: bool = False


@dataclasses.dataclass
class Predicted:
    """What was predicted: of one part, or of all.

    Attributes:
        skew: the rows beside those of train.
        rows: the number of rows.
        left_out: the number of rows that cannot be read.
        ignored: the columns that are neither features nor kept.
    """

    skew: Skew
    rows: int = 0
    left_out: int = 0
    ignored: Sequence[str] = ()

    def add(self, other: "Predicted") -> None:
        """Adds what was predicted elsewhere."""
        self.skew.merge(other.skew)
        self.rows += other.rows
        self.left_out += other.left_out
        self.ignored = list(dict.fromkeys([*self.ignored, *other.ignored]))


def run(request: Request) -> int:
    """Writes the predictions and returns the exit code.

    Raises:
        UserError: the model or the data do not exist, they do not fit together, or the file cannot be written.
    """
    begun = time.monotonic()
    _check_output(request)
    with remote_versions.find_version(request.model) as (version, name), storage.local_output(request.to) as to:
        total, parts_kept = _predict(request, version, to)
    seconds = time.monotonic() - begun
    summary = {
        "model": name,
        "to": request.to,
        "rows": total.rows,
        "left_out": total.left_out,
        "seconds": round(seconds, 3),
        "parts_kept": parts_kept,
        "ignored_columns": list(total.ignored),
        "warnings": total.skew.warnings(),
        "notes": total.skew.notes(),
        "features": total.skew.to_dict(),
    }
    if not request.quiet:
        print(_text(summary), file=sys.stderr)
    if request.json:
        print(json.dumps(summary, indent=2))
    return 0


def _predict(request: Request, version: Path, to: Path) -> tuple[Predicted, int]:
    """Writes the parts that are missing, and returns what was predicted and how many parts were complete before."""
    training = read_training(version)
    _check_names(request, training.spec)
    parts = shards.of(request.files, to, version, [request.keep, request.sets])
    wanted = [part for part in parts if not part.done]
    total = Predicted(Skew(training.stats))
    if request.beam is None:
        model = functools.cache(lambda: loaded(version))
        with _progress(request.quiet) as progress:
            for place, part in enumerate(wanted, 1):
                name = f"part {place} of {len(wanted)}" if len(wanted) > 1 else "rows"
                total.add(predict_part(request, training, part, model, functools.partial(progress, name)))
    elif wanted:
        from pipeline.prediction import beam_prediction

        total.add(beam_prediction.predict(request, version, wanted))
    return total, len(parts) - len(wanted)


def _text(summary: Mapping[str, Any]) -> str:
    """Returns a summary in lines."""
    lines = [f"warning: {warning}." for warning in summary["warnings"]]
    lines += [f"note: {note}." for note in summary["notes"]]
    if summary["ignored_columns"]:
        lines.append(f"note: not used, neither by the model nor by --keep: {', '.join(summary['ignored_columns'])}.")
    if summary["parts_kept"]:
        lines.append(f"note: {summary['parts_kept']:,} parts were complete already and were kept.")
    aside = f" {summary['left_out']:,} rows cannot be read and were left out." if summary["left_out"] else ""
    done = f"{summary['rows']:,} rows predicted by {summary['model']} in {summary['seconds']:.1f} s: {summary['to']}."
    return "\n".join([*lines, done + aside])


def predict_part(
    request: Request,
    training: Training,
    part: shards.Shard,
    model: Callable[[], "ServedModel"],
    progress: Callable[[int, int | None], None] = lambda done, total: None,
) -> Predicted:
    """Writes a part.

    Args:
        request: the arguments of the command.
        training: how the training read its table.
        part: the files and where their predictions go.
        model: returns the model; loading it takes seconds, so the data are checked before.
        progress: takes the number of rows that are done, and of all where it is known.

    Raises:
        UserError: the data do not fit the model, or the file cannot be written.
    """
    found = Predicted(Skew(training.stats))
    with PredictionTable(training, part.files, request.keep, part.to.suffix.lower(), request.sets) as table:
        total = None if training.query else table.num_rows
        served = model()
        with writers.writing(part.to) as write:
            for batch in table.batches():
                found.skew.add(batch.features)
                write(part.marked(predictions(served, batch, table.spec)))
                found.rows += batch.features.num_rows
                progress(found.rows, total)
            if table.num_rows and not found.rows:
                raise UserError(
                    f"{part.files[0]} has no rows to predict: the query of the training removes all of them."
                )
            found.skew.check(request.allow_unknown)
        found.left_out, found.ignored = table.rejects(), table.ignored
    return found


def loaded(version: Path) -> "ServedModel":
    """Loads a pushed model, which takes seconds."""
    with quiet_tensorflow():
        from models.serving import served_model

        return served_model.load(str(version))


@contextlib.contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[str, int, int | None], None]]:
    """Yields a function that shows, on a terminal, how many rows of a part are done."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    shown = not quiet and sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not shown) as bar:
        task = bar.add_task("", total=None, visible=False)
        yield lambda name, done, total: bar.update(task, description=name, completed=done, total=total, visible=True)


@contextlib.contextmanager
def quiet_tensorflow() -> Iterator[None]:
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


def _check_output(request: Request) -> None:
    to = Path(request.to)
    storage.check_path(to)
    is_uri = storage.is_uri(request.to)
    if is_uri:
        storage.check_bucket(request.to)
    if is_uri and request.beam is not None:
        raise UserError(f"--to {request.to}: with --beam, a folder that all workers write to was expected.")
    if request.beam is not None and not shards.is_folder(to):
        raise UserError(f"--to {to}: with --beam, a folder for the parts was expected, whose name has no suffix.")
    if not shards.is_folder(to) and to.suffix.lower() not in writers.SUFFIXES:
        raise UserError(
            f"--to {request.to}: a file named {', '.join(writers.SUFFIXES[:-1])} or {writers.SUFFIXES[-1]} was "
            "expected, or a folder, which has no suffix."
        )
    files = ingest.expand(request.files)
    if (request.to if is_uri else str(to.absolute())) in files:
        raise UserError(f"--to {request.to} is one of the files to read. Name another file.")
    if not is_uri and any(Path(file).parent == to.absolute() for file in files):
        raise UserError(f"--to {to} is the folder of the files to read, and another one for the parts was expected.")


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
