"""Builds the section on the search for hyperparameters: the best so far, what mattered, and every trial."""

import math
from typing import Any

import numpy as np

from models.evaluation import metrics
from pipeline.reporting import svg
from pipeline.reporting.blocks import Block, Chart, Grid, Section, Table, Text
from pipeline.reporting.numbers import cut, number
from pipeline.reporting.run_record import RunRecord

_MIN_TRIALS = 8  # fewer say nothing about the importance of a hyperparameter


def build(record: RunRecord) -> Section:
    """Returns the section."""
    found: list[Block] = []
    if "Tuner" in record.executions:
        found.append(Text(f"{record.executions['Tuner'].line}."))
        trials = record.report("Tuner").get("trials")
        found += _trials(record, trials) if isinstance(trials, list) and trials else []
    else:
        found.append(Text("The search did not run in this run."))
    model = record.summary.get("model", {})
    if model.get("family"):
        rows = [["family", str(model["family"])], ["parameters", number(model.get("parameters"))]]
        rows += [[name, _shown(value)] for name, value in model.get("hyperparameters", {}).items()]
        found.append(Table(["the model", "value"], rows, "The model that was trained"))
    members = model.get("members", [])
    if len(members) > 1:
        rows = [[member["family"], _listed(member["hyperparameters"]), number(member["weight"])] for member in members]
        found.append(Table(["member", "hyperparameters", "weight"], rows, "The members of the ensemble", 2))
    return Section("search", "Search", found)


def _listed(hyperparameters: dict[str, Any]) -> str:
    return ", ".join(f"{name} {_shown(value)}" for name, value in hyperparameters.items())


def _trials(record: RunRecord, trials: list[dict[str, Any]]) -> list[Block]:
    metric = record.report("Tuner").get("metric", "score")
    up = metric in metrics.METRICS and metrics.METRICS[metric].greater_is_better
    shared = set.intersection(*(set(trial["hyperparameters"]) for trial in trials))  # by all families that were tried
    names = [
        name
        for name in trials[0]["hyperparameters"]
        if name in shared and len({str(trial["hyperparameters"][name]) for trial in trials}) > 1
    ]
    most = record.parameters("Tuner").get("tune.epochs")
    rows = [
        [str(index + 1), *(_shown(trial["hyperparameters"].get(name)) for name in names), _end(trial, most),
         number(trial["score"])]
        for index, trial in enumerate(trials)
    ]  # fmt: skip
    table = Table(["trial", *names, "ended", metric], rows, "Trials", len(names) + 2)
    scored = [trial for trial in trials if trial["score"] is not None and math.isfinite(trial["score"])]
    if len(scored) < 2 or not names:
        return [table]
    parallel = [_parallel(scored, names, metric, up)] if names != ["family"] else []
    charts = [_best_so_far(scored, metric, up), *parallel]
    if len(scored) >= _MIN_TRIALS:
        return [Grid([*charts, _importance(scored, names, metric)]), table]
    note = Text(f"The importance of hyperparameters is shown from {_MIN_TRIALS} trials on.", "note")
    return [Grid(charts), note, table]


def _end(trial: dict[str, Any], most: float | None) -> str:
    """Returns how a trial ended: chosen or not, and whether it was stopped early."""
    parts = [trial["status"]]
    if trial["epochs"] is not None:
        early = f" of {most:g}, stopped early" if isinstance(most, int | float) and trial["epochs"] < most else ""
        parts.append(f"{trial['epochs']} epochs{early}")
    return ", ".join(parts)


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _best_so_far(trials: list[dict[str, Any]], metric: str, up: bool) -> Chart:
    scores = [trial["score"] for trial in trials]
    best = (np.maximum if up else np.minimum).accumulate(scores).tolist()
    series = [
        svg.Series("each trial", list(enumerate(scores, 1)), "dashed"),
        svg.Series("best so far", list(enumerate(best, 1)), "s0"),
    ]
    rows = [[str(i), number(score), number(top)] for i, (score, top) in enumerate(zip(scores, best, strict=True), 1)]
    title = f"Best {metric} on eval so far"
    table = Table(["trial", metric, "best so far"], rows)
    return Chart(title, svg.lines(title, series, ("trial", metric)), table)


def _ranks(values: list[Any]) -> list[float]:
    """Returns the places of values among the distinct ones, from 0 to 1."""
    number_like = all(isinstance(value, int | float) for value in values)
    distinct = sorted(set(values)) if number_like else sorted(set(values), key=str)
    return [distinct.index(value) / max(1, len(distinct) - 1) for value in values]


def _parallel(trials: list[dict[str, Any]], names: list[str], metric: str, up: bool) -> Chart:
    columns = [_ranks([trial["hyperparameters"].get(name) for trial in trials]) for name in names]
    columns.append(_ranks([trial["score"] for trial in trials]))
    best = (max if up else min)(range(len(trials)), key=lambda index: trials[index]["score"])
    rows = [([column[i] for column in columns], "s1" if i == best else "thin strong") for i in range(len(trials))]
    rows.sort(key=lambda row: row[1] == "s1")
    title = f"Hyperparameters of the trials by rank, and their {metric}; the best trial is orange"
    table = [[str(i + 1), *(_shown(trial["hyperparameters"].get(name)) for name in names), number(trial["score"])]
             for i, trial in enumerate(trials)]  # fmt: skip
    drawn = svg.parallel(title, [*names, metric], rows)
    return Chart(title, drawn, Table(["trial", *names, metric], table))


def _importance(trials: list[dict[str, Any]], names: list[str], metric: str) -> Chart:
    """Returns how strongly the rank of the score follows the rank of each hyperparameter (Spearman's correlation)."""
    scores = _ranks([trial["score"] for trial in trials])
    found = []
    for name in names:
        ranks = _ranks([trial["hyperparameters"].get(name) for trial in trials])
        found.append((cut(name), abs(float(np.corrcoef(ranks, scores)[0, 1])) if len(set(scores)) > 1 else 0.0, 0.0))
    found.sort(key=lambda row: -row[1])
    title = f"How strongly {metric} follows each hyperparameter"
    table = Table(["hyperparameter", "rank correlation"], [[name, number(value)] for name, value, _ in found])
    return Chart(title, svg.bars(title, found, "absolute rank correlation"), table)
