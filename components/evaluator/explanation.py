"""Explains an evaluation: intervals, curves, slices, importance, dependence and the rows with the largest errors.

The explanation is `explanation.json` in the folder of the evaluation, which reports read. It is computed over samples
of bounded size. An error in it is recorded there, and does not stop the run.
"""

import dataclasses
import logging
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.evaluator import slice_members
from core import examples, progress, storage
from core.spec import Feature, Spec
from models.evaluation import (
    EXPLANATION_FILE,
    curves,
    dependence,
    error_slices,
    importance,
    metric_intervals,
    metrics,
    model_comparison,
    staleness,
)
from models.evaluation.gates import Evaluation
from models.serving import served_model

_PREDICTED_AT_ONCE = 4_096
_TOP_FEATURES, _PAIRED_FEATURES = 6, 3
_WORST_ROWS = 20
_MAX_SLICES = 20
_SHOWN_FEATURES = 12


def write(folder: str, evaluation: Evaluation, train: str, split: str, model: str, spec: Spec) -> None:
    """Writes the explanation of a candidate.

    Args:
        folder: the folder of the evaluation.
        evaluation: the evaluation; one that has no rows or a prediction that is not finite is not explained.
        train: the folder of the train split.
        split: the folder of the test split.
        model: the folder of the candidate.
        spec: the features and the label.
    """
    problem = evaluation.problem()
    found: dict[str, Any] = {"error": problem} if problem else {}
    explanation = None if problem else Explanation(evaluation, train, split, model, spec)
    for name, part in explanation.parts().items() if explanation else ():
        try:
            found[name] = part()
        except Exception as error:  # a report without a part is better than no model
            logging.exception("The part %s of the explanation failed.", name)
            found.setdefault("errors", {})[name] = f"{type(error).__name__}: {error}"
    storage.write_json(pathlib.Path(folder) / EXPLANATION_FILE, found)


class Explanation:
    """The parts of the explanation of a candidate; each part uses those before it."""

    def __init__(self, evaluation: Evaluation, train: str, split: str, model: str, spec: Spec) -> None:
        self._evaluation, self._train, self._split, self._spec = evaluation, train, split, spec
        self._test, self._task = evaluation.test, spec.label.task
        self._predictions = self._test.by_model["candidate"]
        self._path, self._features = model, list(spec.features)
        self._errors = error_slices.row_errors(self._task, self._test.labels, self._predictions)
        self._important, self._rows = self._features, np.zeros(0, np.int64)
        self._columns: dict[str, np.ndarray] = {}

    def parts(self) -> Mapping[str, Callable[[], Any]]:
        """Returns the functions that compute the parts, in their order."""
        return {
            "intervals": self._intervals,
            "differences": self._differences,
            "curves": self._curves,
            "slices": self._slices,
            "groups": self._groups,
            "sample": self._sample,
            "error_slices": self._error_slices,
            "importance": self._importance,
            "dependence": self._dependence,
            "interactions": self._interactions,
            "worst_rows": self._worst_rows,
            "staleness": self._staleness,
        }

    def _intervals(self) -> dict[str, Any]:
        return {name: self._half_widths(name, slice(None)) for name in self._test.by_model}

    def _half_widths(self, model: str, rows: np.ndarray | slice | None) -> dict[str, float]:
        if rows is None:
            return {}
        labels, predictions, weights = self._test.labels, self._test.by_model[model], self._test.weights
        return metric_intervals.half_widths(self._task, labels[rows], predictions[rows], weights[rows])

    def _differences(self) -> dict[str, Any]:
        """Returns by how much the candidate is better than each rival, with the standard error."""
        rivals = [name for name in self._test.by_model if name != "candidate"]
        found = {name: model_comparison.difference(self._task, self._test, name) for name in rivals}
        return {name: dataclasses.asdict(one) for name, one in found.items() if np.isfinite(one.error)}

    def _curves(self) -> dict[str, Any]:
        return curves.of(self._spec.label, self._test.labels, self._predictions, self._test.weights)

    def _slices(self) -> list[dict[str, Any]]:
        """Returns the worst slices of the configuration, with intervals, and the primary metric of the other models."""
        primary = metrics.PRIMARY[self._task]
        sign = 1 if primary.greater_is_better else -1
        measured = [part for part in self._evaluation.slices if primary.name in part.metrics]
        worst = sorted(measured, key=lambda part: sign * part.metrics[primary.name])[:_MAX_SLICES]
        names = {part.name for part in worst}
        slices = self._evaluation.evaluate.all_slices
        rows = slice_members.rows_of(self._split, slices, names) if names else {}
        return [
            dataclasses.asdict(part)
            | {
                "half_widths": self._half_widths("candidate", rows.get(part.name)),
                "rivals": self._of_rivals(primary.name, rows.get(part.name)),
            }
            for part in worst
        ]

    def _of_rivals(self, metric: str, rows: np.ndarray | None) -> dict[str, float]:
        """Returns a metric of the other models on some rows of test, where these define it."""
        if rows is None:
            return {}
        labels, weights = self._test.labels[rows], self._test.weights[rows]
        rivals = {name: found[rows] for name, found in self._test.by_model.items() if name != "candidate"}
        measured = {name: metrics.compute(self._task, labels, found, weights) for name, found in rivals.items()}
        return {name: values[metric] for name, values in measured.items() if metric in values}

    def _groups(self) -> list[dict[str, Any]]:
        return [dataclasses.asdict(group) for group in self._evaluation.groups]

    def _sample(self) -> dict[str, float]:
        """Loads the model and a sample of the rows; returns the rows of test and of the sample, and its mean error."""
        self._model = served_model.load(self._path)
        self._features = [feature for feature in self._features if feature.name in self._model.inputs]
        total = len(self._test.labels)
        self._rows = np.sort(np.random.default_rng(0).permutation(total)[: importance.num_rows(len(self._features))])
        self._columns = self._read(self._rows)
        error, _ = model_comparison.mean(self._errors[self._rows], self._test.weights[self._rows])
        return {"test_rows": total, "rows": len(self._rows), "error": error}

    def _read(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Returns the features of some rows of test, given by growing numbers, as the model takes them."""
        names = [feature.name for feature in self._features]
        batches, first = [], 0
        for group in examples.row_groups(self._split):
            wanted = rows[(rows >= first) & (rows < first + group.rows)] - first
            first += group.rows
            if len(wanted):
                batches.append(examples.read(group, names).take(pa.array(wanted)))
        (batch,) = pa.Table.from_batches(batches).combine_chunks().to_batches()
        return examples.dense(batch, self._features)

    def _predict(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        size = len(next(iter(columns.values())))
        starts = range(0, size, _PREDICTED_AT_ONCE)
        parts = ({name: column[s : s + _PREDICTED_AT_ONCE] for name, column in columns.items()} for s in starts)
        return np.concatenate([self._model.predictions(part) for part in parts])

    def _error_slices(self) -> list[dict[str, Any]]:
        errors, weights = self._errors[self._rows], self._test.weights[self._rows]
        found = error_slices.worst_first(self._features, self._columns, errors, weights)
        return [dataclasses.asdict(part) for part in found]

    def _importance(self) -> list[dict[str, Any]]:
        progress.report("importance of the features")
        labels, weights = self._test.labels[self._rows], self._test.weights[self._rows]
        base = self._predictions[self._rows]
        found = importance.by_permutation(self._predict, self._columns, self._task, labels, weights, base)
        by_name = {feature.name: feature for feature in self._features}
        self._important = [by_name[ranked.feature] for ranked in found]
        return [dataclasses.asdict(ranked) for ranked in found]

    def _output(self) -> int | None:
        """Returns the index of the class whose score the dependence shows; None for regression."""
        if self._task == "regression":
            return None
        return 1 if self._task == "binary" else int(np.bincount(self._test.labels).argmax())

    def _dependence(self) -> dict[str, Any]:
        model = dependence.DependenceOfModel(self._predict, self._columns, self._output())
        output = self._output()
        return {
            "of": None if output is None else self._spec.label.classes[output],
            "features": [dataclasses.asdict(model.on(feature)) for feature in self._important[:_TOP_FEATURES]],
        }

    def _interactions(self) -> list[dict[str, Any]]:
        model = dependence.DependenceOfModel(self._predict, self._columns, self._output())
        return [dataclasses.asdict(pair) for pair in model.on_pairs(self._important[:_PAIRED_FEATURES])]

    def _worst_rows(self) -> list[dict[str, Any]]:
        """Returns the rows with the largest errors: their number in test, label, prediction and features."""
        errors = np.where(self._test.weights > 0, self._errors, -np.inf)
        rows = np.argsort(-errors, kind="stable")[:_WORST_ROWS]
        ascending = np.sort(rows)
        columns, place = self._read(ascending), {int(row): index for index, row in enumerate(ascending)}
        return [
            {
                "row": int(row),
                "error": curves.numbers([self._errors[row]])[0],
                **self._answer(int(row)),
                "features": {
                    feature.name: _text(columns[feature.name][place[int(row)]], feature)
                    for feature in self._important[:_SHOWN_FEATURES]
                },
            }
            for row in rows
        ]

    def _staleness(self) -> dict[str, Any]:
        """Returns what a model loses with its age, on the rows of train; nothing where no feature is their time."""
        features = self._spec.features
        time = staleness.time_of(features)
        if time is None:
            return {}
        progress.report("impact of the age of a model")
        table = pq.read_table(pa.BufferReader(examples.sample(self._train, staleness.MAX_ROWS)))
        (batch,) = table.combine_chunks().to_batches()
        labels, weights = (
            examples.label_values(batch, self._spec.label),
            examples.weight_values(batch, self._spec.weight),
        )
        found = staleness.by_age(self._task, time, features, examples.dense(batch, features), labels, weights)
        return {"time": time.name, "ages": [dataclasses.asdict(age) for age in found]}

    def _answer(self, row: int) -> dict[str, Any]:
        """Returns label and prediction of a row, and for classification the score of the label."""
        label, predicted = self._test.labels[row], self._predictions[row]
        if self._task == "regression":
            true, given = curves.numbers([label, predicted])
            return {"label": true, "predicted": given}
        classes = self._spec.label.classes
        score = curves.numbers([predicted[label]])[0]
        return {"label": classes[label], "predicted": classes[int(predicted.argmax())], "score_of_label": score}


def _text(value: Any, feature: Feature) -> str:
    """Returns the value of a feature in one row as text."""
    values = [item for item in np.atleast_1d(value) if item != b"" and item == item]
    return ", ".join(error_slices.shown(item, feature) for item in values[:5]) or error_slices.MISSING
