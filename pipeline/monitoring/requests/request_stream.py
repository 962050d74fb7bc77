"""Reads all requests once: counts the values of the features, and draws the samples that the model predicts again."""

import collections
import dataclasses
import datetime
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from core.errors import UserError
from pipeline.monitoring.drift.feature_drift import Drift
from pipeline.monitoring.reference import Reference
from pipeline.monitoring.requests import request_log
from pipeline.monitoring.requests.labels import Labels
from pipeline.monitoring.requests.sample import Sample
from pipeline.monitoring.requests.traffic import Traffic
from pipeline.prediction.prediction_table import PredictionTable

SAMPLE = 20_000
_LABELLED = 50_000


@dataclasses.dataclass(frozen=True)
class Watched:
    """What the requests hold.

    Attributes:
        rows: the number of requests.
        left_out: the number of rows that cannot be read.
        drift: the counts of the features.
        sample: some requests, as Examples hold them.
        labelled: some requests with their label; None where no labels were given or none fits.
        labels: the labels; None where none were given.
        hours: the number of requests by hour; none without a column of times.
    """

    rows: int
    left_out: int
    drift: Drift
    sample: pa.RecordBatch
    labelled: pa.RecordBatch | None
    labels: Labels | None
    hours: dict[datetime.datetime, int]

    def traffic(self) -> Traffic:
        """Returns the rate of the requests."""
        return Traffic.of(self.rows, self.hours)


def read(
    trained: Reference, files: Sequence[str], sets: Sequence[str], labels: Labels | None, time: str | None
) -> Watched:
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
    counted, sample, labelled = Drift(trained.columns), Sample(SAMPLE), Sample(_LABELLED)
    hours: collections.Counter[datetime.datetime] = collections.Counter()
    left_out = 0
    if request_log.is_log(files):
        if labels or time:
            raise UserError(
                "A log of TensorFlow Serving has no columns beside the features: leave out --key and --time."
            )
        for features in request_log.batches(files, trained.training.spec):
            counted.add(features)
            sample.add(pa.Table.from_batches([features]))
    else:
        keep = [name for name in (labels and labels.key, time) if name]
        with PredictionTable(trained.training, files, keep, sets=sets) as table:
            for batch in table.batches():
                rows = pa.Table.from_batches([batch.features])
                kept = {name.casefold(): values for name, values in batch.kept.items()}
                counted.add(batch.features)
                sample.add(rows)
                if labels:
                    labelled.add(labels.join(rows, kept[labels.key.casefold()]))
                if time:
                    hours.update(_hours(kept[time.casefold()], time))
            left_out = table.rejects()
    if not sample.seen:
        raise UserError(f"{files[0]} has no rows, and requests to compare were expected.")
    chosen = _batch(labelled.rows())
    return Watched(
        sample.seen,
        left_out,
        counted,
        _batch(sample.rows()) or pa.RecordBatch.from_pylist([]),
        chosen,
        labels,
        dict(sorted(hours.items())),
    )


def _batch(rows: pa.Table | None) -> pa.RecordBatch | None:
    batches = rows.combine_chunks().to_batches() if rows is not None else []
    return batches[0] if batches else None


def _hours(times: pa.Array, name: str) -> dict[datetime.datetime, int]:
    """Returns the number of requests of each hour."""
    try:
        moments = times if pa.types.is_timestamp(times.type) else times.cast(pa.timestamp("s"))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise UserError(
            f"--time {name}: its values are no times, such as {times[0].as_py()!r}. A column of times was expected: "
            "ISO 8601, or whole seconds from 1970."
        ) from None
    if moments.type.tz:
        moments = moments.cast(pa.timestamp(moments.type.unit, "UTC")).cast(pa.timestamp(moments.type.unit))
    counted = pc.value_counts(pc.floor_temporal(moments.drop_null(), unit="hour").cast(pa.timestamp("s")))
    return {entry["values"]: entry["counts"] for entry in counted.to_pylist()}
