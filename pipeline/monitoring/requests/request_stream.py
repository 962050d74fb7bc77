"""Reads all requests once: counts the values of the features, and draws the samples that the model predicts again."""

import collections
import dataclasses
import datetime
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import UserError
from pipeline.monitoring.drift.feature_drift import Drift
from pipeline.monitoring.reference import Reference
from pipeline.monitoring.requests.labels import Labels
from pipeline.monitoring.requests.request_log import RequestLog, is_log
from pipeline.monitoring.requests.sample import Sample
from pipeline.prediction.prediction_table import PredictionTable

SAMPLE = 20_000
_LABELLED = 50_000
_HOUR = pa.timestamp("s")
_ANSWER = pa.list_(pa.float64())


@dataclasses.dataclass(frozen=True)
class Requests:
    """What the requests hold.

    Attributes:
        rows: the number of requests.
        left_out: the number of rows that cannot be read.
        drift: the counts of the features.
        sample: some requests, as Examples hold them.
        sample_hours: datetime64[s][rows of the sample], the hour of each; NaT where it is not known.
        sample_answers: float64[rows of the sample, C], what the server answered; NaN where that is not known.
        labelled: some requests with their label; None where no labels were given or none fits.
        hours: the number of requests by hour in UTC; none without times.
        notes: what was not read.
    """

    rows: int
    left_out: int
    drift: Drift
    sample: pa.RecordBatch
    sample_hours: np.ndarray
    sample_answers: np.ndarray
    labelled: pa.RecordBatch | None
    hours: Mapping[datetime.datetime, int]
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class _Chunk:
    """Some requests: their features as Examples hold them, keys, hours, timestamp[s], and answers, list<double>."""

    features: pa.RecordBatch
    keys: pa.Array | None = None
    hours: pa.Array | None = None
    answers: pa.Array | None = None


def read(
    trained: Reference, files: Sequence[str], sets: Sequence[str], labels: Labels | None, time: str | None
) -> Requests:
    """Reads requests.

    Args:
        trained: what the model was trained on.
        files: paths and globs of a table, or of a log of TensorFlow Serving.
        sets: settings of the files as `data.KEY=VALUE`.
        labels: the labels, by a key that the table has too.
        time: the column of the table with the time of a request.

    Raises:
        UserError: a file cannot be read or lacks a column, or there are no requests.
    """
    if not is_log(files):
        key = labels.key if labels else None
        keep = [name for name in (key, time) if name]
        with PredictionTable(trained.training, files, keep, sets=sets) as table:
            chunks = _of_table(table, key, time)
            found = _counted(trained, chunks, labels, files[0])
            return dataclasses.replace(found, left_out=table.rejects())
    if labels or time:
        raise UserError(
            "A log of TensorFlow Serving has no columns beside the features, and its own times: leave out --key and "
            "--time."
        )
    name = trained.version.name
    log = RequestLog(files, trained.training.spec, int(name) if name.isdecimal() else 0)
    chunks = (_Chunk(found.features, None, _hours(found.times), found.answers) for found in log.batches())
    found = _counted(trained, chunks, None, files[0])
    if log.step == 1:
        return found
    note = f"of {log.records:,} logged requests, one in {log.step} was read; the numbers of requests are estimates"
    hours = {hour: log.step * count for hour, count in found.hours.items()}
    return dataclasses.replace(found, rows=log.step * found.rows, hours=hours, notes=(note,))


def _of_table(table: PredictionTable, key: str | None, time: str | None) -> Iterator[_Chunk]:
    for batch in table.batches():
        kept = {name.casefold(): values for name, values in batch.kept.items()}
        keys = kept[key.casefold()] if key else None
        yield _Chunk(batch.features, keys, _hours(_moments(kept[time.casefold()], time)) if time else None)


def _counted(trained: Reference, chunks: Iterator[_Chunk], labels: Labels | None, file: str) -> Requests:
    counted, sample, labelled = Drift(trained.columns), Sample(SAMPLE), Sample(_LABELLED)
    hours: collections.Counter[datetime.datetime] = collections.Counter()
    for chunk in chunks:
        counted.add(chunk.features)
        rows = pa.Table.from_batches([chunk.features])
        times = pa.nulls(rows.num_rows, _HOUR) if chunk.hours is None else chunk.hours
        answers = pa.nulls(rows.num_rows, _ANSWER) if chunk.answers is None else chunk.answers
        sample.add(rows.append_column("", times).append_column("", answers))  # no feature has that name
        if labels and chunk.keys is not None:
            labelled.add(labels.join(rows, chunk.keys))
        hours.update({entry["values"]: entry["counts"] for entry in pc.value_counts(times.drop_null()).to_pylist()})
    if not sample.seen:
        raise UserError(f"{file} has no rows, and requests to compare were expected.")
    chosen = _batch(sample.rows())
    assert chosen is not None
    *_, times, answers = chosen.columns
    return Requests(
        rows=sample.seen,
        left_out=0,
        drift=counted,
        sample=chosen.select(range(chosen.num_columns - 2)),
        sample_hours=times.to_numpy(zero_copy_only=False),
        sample_answers=_matrix(answers),
        labelled=_batch(labelled.rows()),
        hours=dict(sorted(hours.items())),
    )


def _matrix(answers: pa.ListArray) -> np.ndarray:
    """Returns answers as float64[rows, C], with NaN for null."""
    known = np.flatnonzero(np.asarray(answers.is_valid()))
    values = np.asarray(answers.drop_null().flatten())
    width = len(values) // len(known) if len(known) else 1
    found = np.full((len(answers), width), np.nan)
    found[known] = values.reshape(len(known), width)
    return found


def _batch(rows: pa.Table | None) -> pa.RecordBatch | None:
    batches = rows.combine_chunks().to_batches() if rows is not None else []
    return batches[0] if batches else None


def _moments(times: pa.Array, name: str) -> pa.Array:
    """Returns a column of times as timestamps."""
    try:
        return times if pa.types.is_timestamp(times.type) else times.cast(_HOUR)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise UserError(
            f"--time {name}: its values are no times, such as {times[0].as_py()!r}. A column of times was expected: "
            "ISO 8601, or whole seconds from 1970."
        ) from None


def _hours(moments: pa.Array) -> pa.Array:
    """Returns the hour of each moment in UTC, timestamp[s]; where a moment has no time zone, its own hour."""
    if moments.type.tz:
        moments = moments.cast(pa.timestamp(moments.type.unit, "UTC")).cast(pa.timestamp(moments.type.unit))
    return pc.floor_temporal(moments, unit="hour").cast(_HOUR)
