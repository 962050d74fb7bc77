"""Reads requests, compares them with what the model was trained on, and reports: what `monitor.py` runs."""

import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from core import storage
from core.config_sections import Limits, Validate
from core.errors import GateError, UserError
from models.serving import model_versions, remote_versions
from pipeline.monitoring import drift, reference, terminal
from pipeline.monitoring.reference import Reference
from pipeline.monitoring.report import FeatureVerdict, Report
from pipeline.monitoring.sample import Sample
from pipeline.prediction.prediction_table import PredictionTable

_SAMPLE = 20_000  # requests that the model predicts again


@dataclasses.dataclass(frozen=True)
class Request:
    """The arguments of the command.

    Attributes:
        model: a folder of versions, or one version; a path or a URI.
        requests: paths and globs of the requests.
        sets: settings of the files as `data.KEY=VALUE`, in place of those of the training.
        json: print the report as JSON, and nothing else.
    """

    model: str
    requests: Sequence[str]
    sets: Sequence[str] = ()
    json: bool = False


def run(request: Request) -> int:
    """Prints the report and returns the exit code: 3 where a limit is passed.

    Raises:
        UserError: the model or the data do not exist, or they do not fit together.
    """
    report = watch(request)
    if request.json:
        print(json.dumps(report.to_dict(), indent=2, ensure_ascii=False))
    else:
        terminal.show(report, sys.stdout)
    return GateError.exit_code if report.alarms() else 0


def watch(request: Request) -> Report:
    """Returns the report on some requests."""
    with remote_versions.find_version(request.model) as (version, name):
        trained = reference.read(version)
        counted, sample = drift.Drift(trained.columns), Sample(_SAMPLE)
        with PredictionTable(trained.training, request.requests, sets=request.sets) as table:
            for batch in table.batches():
                counted.add(batch.features)
                sample.add(pa.Table.from_batches([batch.features]))
            left_out = table.rejects()
        if not sample.seen:
            raise UserError(f"{request.requests[0]} has no rows, and requests to compare were expected.")
        return Report(name, sample.seen, left_out, _verdicts(trained, counted))


def _verdicts(trained: Reference, counted: drift.Drift) -> tuple[FeatureVerdict, ...]:
    found, limits = counted.results(), _limits(trained.version)
    level = drift.alpha(found, 2)
    verdicts = [
        FeatureVerdict(feature, tuple(feature.reasons(level)), limits.features.get(feature.name, limits.default))
        for feature in found
    ]
    order = {"alarm": 0, "drift": 1, "ok": 2}
    return tuple(sorted(verdicts, key=lambda verdict: (order[verdict.state], -verdict.drift.distance)))


def _limits(version: Path) -> Limits:
    """Returns the limits on drift in the configuration of the training."""
    section = storage.read_json(version / model_versions.METADATA_FILE).get("validate")
    return Validate.model_validate(section).drift if section else Limits()
