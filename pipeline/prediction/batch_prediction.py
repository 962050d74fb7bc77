"""Predicts the rows of files with a pushed model, one row group at a time."""

import contextlib
import dataclasses
import functools
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

import ingest
from core import examples, storage, text
from core.errors import UserError
from core.spec import Spec
from models.serving import model_versions
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
        model: a folder of versions, or one version.
        files: paths and globs of the rows.
        to: the file to write, which appears when it is complete; or a folder, in which each file gets a part.
        keep: columns of the table to write beside the predictions.
        sets: settings of the files as `data.KEY=VALUE`, in place of those of the training.
        allow_unknown: features whose values may all be unknown to the model.
        quiet: print only errors.
        json: print the summary as JSON on standard output, and nothing else there.
    """

    model: Path
    files: Sequence[str]
    to: Path
    keep: Sequence[str] = ()
    sets: Sequence[str] = ()
    allow_unknown: Sequence[str] = ()
    quiet: bool = False
    json: bool = False


@dataclasses.dataclass
class _Counts:
    """What was predicted: rows, rows that cannot be read, parts that were there, and columns that are not used."""

    rows: int = 0
    left_out: int = 0
    kept_parts: int = 0
    ignored: dict[str, None] = dataclasses.field(default_factory=dict)


def run(request: Request) -> int:
    """Writes the predictions and returns the exit code.

    Raises:
        UserError: the model or the data do not exist, they do not fit together, or the file cannot be written.
    """
    begun = time.monotonic()
    _check_output(request.to, request.files)
    version = model_versions.find_version(request.model)
    training = read_training(version)
    _check_names(request, training.spec)
    skew, counts = Skew(training.stats), _Counts()
    load = functools.cache(lambda: _loaded(version))
    parts = shards.of(request.files, request.to, version, [request.keep, request.sets])
    with _progress(request.quiet) as progress:
        for place, part in enumerate(parts, 1):
            if part.done:
                counts.kept_parts += 1
            else:
                name = f"part {place} of {len(parts)}" if len(parts) > 1 else "rows"
                _predict_part(request, training, part, load, skew, counts, functools.partial(progress, name))
    seconds = time.monotonic() - begun
    if not request.quiet:
        _print_summary(request, version, skew, counts, seconds)
    if request.json:
        numbers = {"rows": counts.rows, "left_out": counts.left_out, "seconds": round(seconds, 3)}
        aside = {"parts_kept": counts.kept_parts, "ignored_columns": list(counts.ignored)}
        found = {"warnings": skew.warnings(), "notes": skew.notes(), "features": skew.to_dict()}
        print(json.dumps({"model": str(version), "to": str(request.to), **numbers, **aside, **found}, indent=2))
    return 0


def _print_summary(request: Request, version: Path, skew: Skew, counts: _Counts, seconds: float) -> None:
    lines = [f"warning: {warning}." for warning in skew.warnings()] + [f"note: {note}." for note in skew.notes()]
    if counts.ignored:
        lines.append(f"note: not used, neither by the model nor by --keep: {', '.join(counts.ignored)}.")
    if counts.kept_parts:
        lines.append(f"note: {counts.kept_parts:,} parts were complete already and were kept.")
    aside = f" {counts.left_out:,} rows cannot be read and were left out." if counts.left_out else ""
    lines.append(f"{counts.rows:,} rows predicted by {version} in {seconds:.1f} s: {request.to}.{aside}")
    print("\n".join(lines), file=sys.stderr)


def _predict_part(
    request: Request,
    training: Training,
    part: shards.Shard,
    load: Callable[[], "ServedModel"],
    skew: Skew,
    counts: _Counts,
    progress: Callable[[int, int | None], None],
) -> None:
    """Writes a part; adds its rows to the counts and to the comparison with train, and checks that."""
    with PredictionTable(training, part.files, request.keep, part.to.suffix.lower(), request.sets) as table:
        model, rows = load(), 0  # it takes seconds, so the data are checked before
        total = None if training.query else table.num_rows
        with writers.writing(part.to) as write:
            for batch in table.batches():
                skew.add(batch.features)
                write(part.marked(predictions(model, batch, table.spec)))
                rows += batch.features.num_rows
                progress(rows, total)
            if table.num_rows and not rows:
                raise UserError(
                    f"{part.files[0]} has no rows to predict: the query of the training removes all of them."
                )
            skew.check(request.allow_unknown)
        counts.rows += rows
        counts.left_out += table.rejects()
        counts.ignored |= dict.fromkeys(table.ignored)


def _loaded(version: Path) -> "ServedModel":
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


def _check_output(to: Path, files: Sequence[str]) -> None:
    storage.check_path(to)
    if not shards.is_folder(to) and to.suffix.lower() not in writers.SUFFIXES:
        raise UserError(
            f"--to {to}: a file named {', '.join(writers.SUFFIXES[:-1])} or {writers.SUFFIXES[-1]} was expected, or a "
            "folder, which has no suffix."
        )
    if str(to.absolute()) in ingest.expand(files):
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
