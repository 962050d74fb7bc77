"""Finds the models that a candidate is compared with: the linear baseline, the champion and a constant."""

import dataclasses
import pathlib
from collections.abc import Mapping

import numpy as np

from core import examples
from core.spec import Spec
from models.evaluation import challengers as challengers_format
from models.evaluation import metrics
from models.evaluation.gates import Evaluation
from models.serving import model_versions, served_model


def find(saved: Mapping[str, str], champion: str, spec: Spec) -> tuple[dict[str, str], list[str]]:
    """Returns the folders of the models by name, and messages about models that are left out.

    Args:
        saved: the folders of the models of this run: `candidate`, and `linear` where there is one.
        champion: the folder of the served version or of the versions; empty for none.
        spec: the features and the label of this run. A linear candidate has no linear rival.
    """
    models = {name: path for name, path in saved.items() if name != "linear" or spec.family != "linear"}
    version = model_versions.stable(pathlib.Path(champion)) if champion else None
    if version is None:
        return models, []
    reason = _incomparable(str(version), spec)
    if reason:
        return models, [f"The champion is not compared: {reason}."]
    return {**models, "champion": str(version)}, []


def _incomparable(path: str, spec: Spec) -> str | None:
    """Returns why an earlier model cannot predict the rows of this run; None if it can."""
    model = served_model.load(path)
    missing = sorted(set(model.inputs) - {feature.name for feature in spec.features})
    if missing:
        return f"it takes features that the data no longer has ({', '.join(missing[:3])})"
    texts = {feature.name for feature in spec.features if feature.payload == "text"}
    either = {feature.name for feature in spec.features if feature.written}
    changed = sorted(
        name
        for name, tensor in model.inputs.items()
        if (tensor.dtype.name == "string") != (name in texts) and name not in either
    )
    if changed:
        return f"it takes features whose type has changed ({', '.join(changed[:3])})"
    if model.classes() != spec.label.classes:
        return "it predicts other classes"
    return None


def constant_prediction(train_split: str, spec: Spec) -> np.ndarray:
    """Returns the best constant prediction on train: class frequencies float32[classes], or the mean float64[]."""
    totals = np.zeros(len(spec.label.classes)) if spec.label.classes else np.zeros(2)
    columns = [spec.label.name] + ([spec.weight] if spec.weight else [])
    for row_group in examples.row_groups(train_split):
        rows = examples.read(row_group, columns)
        labels = examples.label_values(rows, spec.label)
        weights = examples.weight_values(rows, spec.weight)
        if spec.label.classes:
            totals += np.bincount(labels, weights, minlength=len(totals))
        else:
            totals += [np.sum(labels * weights), np.sum(weights)]
    if spec.label.classes:
        return np.asarray(totals / max(totals.sum(), 1e-9), np.float32)
    return np.asarray(totals[0] / max(totals[1], 1e-9))


def with_challengers(evaluation: Evaluation, folder: str) -> Evaluation:
    """Returns an evaluation with the predictions and the metrics of the challengers of the same run.

    Args:
        evaluation: the evaluation; one without rows is returned as it is.
        folder: where the challengers are, with predictions in the order of the rows of test.
    """
    test = evaluation.test
    found = challengers_format.predictions(folder) if len(test.labels) else {}
    measured = {
        name: metrics.compute(evaluation.label.task, test.labels, predictions, test.weights)
        for name, predictions in found.items()
    }
    return dataclasses.replace(
        evaluation,
        test=dataclasses.replace(test, by_model={**test.by_model, **found}),
        metrics={**evaluation.metrics, **measured},
    )
