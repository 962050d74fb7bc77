"""Collects how several runs differ, or a run and the version that was served before it."""

import dataclasses
import functools
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from core.errors import UserError
from core.spec import Task
from models.evaluation import metrics, paired_bootstrap, stored_predictions
from models.evaluation.model_comparison import ModelPredictions
from models.evaluation.paired_bootstrap import MetricDifference
from pipeline.reporting import changes
from pipeline.reporting.run_record import RunRecord
from pipeline.reporting.sections import serving
from pipeline.run.fingerprints import flatten

# The parameters of ExampleGen that decide which rows are in test.
_ROWS = ("data_digest", "split.", "source.")
_OWN = ("name", "evaluate.gates")  # settings that differ without any effect on a model


@dataclasses.dataclass(frozen=True)
class ComparedModel:
    """A model of the comparison.

    Attributes:
        name: the name of the run's folder, or of the version.
        record: its run.
        stored_as: its name among the predictions of that run.
    """

    name: str
    record: RunRecord
    stored_as: str = "candidate"

    @property
    def metrics(self) -> Mapping[str, float]:
        """The metrics on test."""
        summary = self.record.summary
        found = summary["metrics"]["test"] if self.stored_as == "candidate" else summary["baselines"][self.stored_as]
        return dict(found)

    @property
    def summary(self) -> Mapping[str, Any]:
        """The summary of the run that trained the model; an empty one for an earlier version."""
        return self.record.summary if self.stored_as == "candidate" else {}

    @property
    def folder(self) -> pathlib.Path | None:
        """The folder of the model; None where it is no longer there."""
        return serving.model_folder(self.record) if self.stored_as == "candidate" else changes.champion(self.record)

    @property
    def half_widths(self) -> Mapping[str, float]:
        """Half the widths of their intervals."""
        return dict(self.record.explanation.get("intervals", {}).get(self.stored_as, {}))


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Models that are compared with the first of them.

    Attributes:
        models: at least two models.
    """

    models: tuple[ComparedModel, ...]

    @classmethod
    def of(cls, folders: Sequence[pathlib.Path]) -> Self:
        """Returns the comparison of the last runs in some folders, or of one run with what was served before.

        Raises:
            UserError: a folder has no evaluated run, or the runs have different labels or tasks.
        """
        records = [RunRecord.load(folder) for folder in folders]
        for folder, record in zip(folders, records, strict=True):
            if not record.summary.get("metrics", {}).get("test"):
                raise UserError(
                    f"The last run in {folder} ended as {record.summary['status']!r} and has no metrics on test. Give "
                    "the folder of a run whose Evaluator ended."
                )
        kinds = {(record.label, record.task) for record in records}
        if len(kinds) > 1:
            shown = ", ".join(f"{label} ({task})" for label, task in sorted(kinds))
            raise UserError(f"The runs predict different labels: {shown}. Give runs with one label and one task.")
        if len(records) > 1:
            names = _names([record.folder.path for record in records])
            return cls(tuple(ComparedModel(name, record) for name, record in zip(names, records, strict=True)))
        (record,) = records
        served = changes.champion(record)
        if served is None or "champion" not in record.summary["baselines"]:
            raise UserError(f"Nothing was served before the run in {folders[0]}. Give a second run to compare with.")
        return cls(
            (
                ComparedModel(f"version {served.name}", record, "champion"),
                ComparedModel(record.folder.path.name, record),
            )
        )

    @property
    def task(self) -> Task:
        """The task."""
        return self.models[0].record.task  # type: ignore[return-value]

    def other_rows(self) -> str | None:
        """Returns why the models were not evaluated on the same rows of test; None where they were."""
        first, *others = (model.record.parameters("ExampleGen") for model in self.models)
        for model, parameters in zip(self.models[1:], others, strict=True):
            names = [name for name in {**first, **parameters} if name.startswith(_ROWS)]
            different = [name for name in names if first.get(name) != parameters.get(name)]
            if different:
                what = "the content of the data" if "data_digest" in different else ", ".join(sorted(different)[:3])
                return f"{model.name} and {self.models[0].name} have different rows of test: {what} differs."
        gone = [model.name for model in self.models if model.record.predictions is None]
        if gone:
            return f"The predictions of {', '.join(gone)} are no longer there."
        labels = [rows.labels for rows in self._stored]
        if any(not np.array_equal(labels[0], other) for other in labels[1:]):
            return "The labels of the rows of test differ."
        return None

    @functools.cached_property
    def _stored(self) -> list[ModelPredictions]:
        return [stored_predictions.load(model.record.predictions or "", [model.stored_as]) for model in self.models]

    @functools.cached_property
    def differences(self) -> dict[str, dict[str, MetricDifference]]:
        """By model the differences of its metrics from those of the first, on the same rows."""
        first, *_ = self._stored
        predictions = {
            model.name: rows.by_model[model.stored_as] for model, rows in zip(self.models, self._stored, strict=True)
        }
        rows = ModelPredictions(first.labels, first.weights, predictions)
        return paired_bootstrap.differences(self.task, rows, self.models[0].name)

    def settings(self) -> list[tuple[str, list[str]]]:
        """Returns the settings that differ, each with its value in every run."""
        if self.models[0].record is self.models[1].record:
            found = changes.since_champion(self.models[1].record) or []
            parts = [change.partition(": ") for change in found]
            return [(name, (value or " → changed").split(" → ")) for name, _, value in parts]
        flat = [flatten(model.record.config) for model in self.models]
        names = dict.fromkeys(name for values in flat for name in values if not name.startswith(_OWN))
        rows = [(name, [str(values.get(name, "")) for values in flat]) for name in names]
        return [(name, values) for name, values in rows if len(set(values)) > 1]

    def slices(self) -> list[tuple[str, list[dict[str, Any]]]]:
        """Returns the slices that all runs found among those with large errors, the greatest change first."""
        if self.models[0].record is self.models[1].record:
            return []
        explanations = [model.record.explanation for model in self.models]
        found = [{part["name"]: part for part in explanation.get("error_slices", [])} for explanation in explanations]
        shared = [
            (name, [parts[name] for parts in found]) for name in found[0] if all(name in parts for parts in found)
        ]
        return sorted(shared, key=lambda row: -max(abs(part["error"] - row[1][0]["error"]) for part in row[1]))

    def better(self, metric: str) -> bool:
        """Returns whether a higher value of a metric is better."""
        return metrics.METRICS[metric].greater_is_better


def _names(paths: Sequence[pathlib.Path]) -> list[str]:
    """Returns the names of some folders, or their paths where two names are equal."""
    names = [path.name for path in paths]
    return names if len(set(names)) == len(names) else [str(path) for path in paths]
