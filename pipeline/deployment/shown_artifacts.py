"""Fills the artifacts that the user interface of Kubeflow Pipelines draws, from the report of a stage."""

import html
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from core.spec import Spec

_MOST_POINTS = 200  # of a ROC curve


def take(outputs: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Takes the platform's own artifacts, which TFX does not know, out of the outputs of a stage; by name.

    Beside those that the stage declares, Kubeflow adds one for its log.
    """
    artifacts = outputs.get("artifacts", {})
    titles = {name: value["artifacts"][0].get("type", {}).get("schemaTitle", "") for name, value in artifacts.items()}
    return {name: artifacts.pop(name)["artifacts"][0] for name, title in titles.items() if title.startswith("system.")}


def add(executor_output: dict[str, Any], shown: Mapping[str, dict[str, Any]], properties: Mapping[str, Any]) -> None:
    """Fills the artifacts, and adds them to the output of a stage.

    Args:
        executor_output: what TFX has written; one of its artifacts has the report.
        shown: the artifacts that `take` returned.
        properties: the execution properties of the stage.
    """
    made = executor_output.setdefault("artifacts", {})
    reports = [value["artifacts"][0].get("metadata", {}).get("report") for value in made.values()]
    report = json.loads(next(filter(None, reports), "{}"))
    for name, artifact in shown.items():
        title = artifact["type"]["schemaTitle"]
        if title == "system.Metrics":
            artifact["metadata"] = _metrics(report)
        elif title == "system.ClassificationMetrics":
            spec = Spec.from_json(properties["spec"])
            artifact["metadata"] = _classification_metrics(made["evaluation"]["artifacts"][0]["uri"], spec)
        elif title == "system.HTML":
            _write(Path(artifact["uri"]), "".join(_page(report)))
        else:
            continue
        made[name] = {"artifacts": [artifact]}


def _metrics(report: Mapping[str, Any]) -> dict[str, float]:
    """Returns the metrics of the candidate and of its rivals, by names such as `test auc` and `linear auc`."""
    return {f"{model} {name}": value for model, name, value in _rows(report) if math.isfinite(value)}


def _rows(report: Mapping[str, Any]) -> Iterator[tuple[str, str, float]]:
    summary = report.get("summary", {})
    for model, metrics in {**summary.get("metrics", {}), **summary.get("baselines", {})}.items():
        for name, value in metrics.items():
            yield model, name, value


def _classification_metrics(evaluation: str, spec: Spec) -> dict[str, Any]:
    """Returns the ROC curve of a binary task, and the confusion matrix, on test."""
    import numpy as np
    from kfp import dsl
    from sklearn import metrics

    from components.evaluator import evaluation_pipeline
    from models.evaluation import stored_predictions

    folder = evaluation_pipeline.predictions_folder(evaluation)
    if not os.path.isdir(folder):
        return {}
    rows = stored_predictions.load(folder, ["candidate"])
    scores, classes = rows.by_model["candidate"], list(spec.label.classes)
    drawn = dsl.ClassificationMetrics()
    counts = metrics.confusion_matrix(rows.labels, scores.argmax(axis=1), labels=range(len(classes)))
    drawn.log_confusion_matrix(classes, counts.tolist())
    if spec.label.task == "binary" and len(np.unique(rows.labels)) == 2:
        curve = metrics.roc_curve(rows.labels, scores[:, 1], sample_weight=rows.weights)
        points = np.unique(np.linspace(0, len(curve[0]) - 1, _MOST_POINTS).astype(int))
        false_positives, true_positives, thresholds = (np.minimum(values[points], 1.0).tolist() for values in curve)
        drawn.log_roc_curve(false_positives, true_positives, thresholds)
    return dict(drawn.metadata)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _page(report: Mapping[str, Any]) -> Iterator[str]:
    """Yields a page with the metrics and the gates."""
    gates = report.get("summary", {}).get("gates", [])
    yield '<!doctype html><meta charset="utf-8"><title>Evaluation</title>'
    yield "<style>body{font-family:sans-serif}td,th{padding:2px 12px;text-align:left}</style>"
    yield from _table("Metrics", ("model", "metric", "value"), [(m, n, f"{v:.4g}") for m, n, v in _rows(report)])
    rows = [(gate["name"], "passed" if gate["passed"] else "not passed", gate["why"]) for gate in gates]
    yield from _table("Gates", ("gate", "result", "why"), rows)


def _table(title: str, header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    yield f"<h2>{title}</h2><table><tr>{''.join(f'<th>{name}</th>' for name in header)}</tr>"
    for row in rows:
        yield f"<tr>{''.join(f'<td>{html.escape(str(cell))}</td>' for cell in row)}</tr>"
    yield "</table>"
