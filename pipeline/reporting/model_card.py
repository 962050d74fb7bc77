"""Builds the model card of a run, with the fields of the Model Card Toolkit's schema.

The fields are those of model_card.schema.json 0.0.2 of https://github.com/tensorflow/model-card-toolkit, which follows
Mitchell et al. 2019, Model Cards for Model Reporting. What a run knows is filled in; what persons have to say is the
section `card` of the configuration.
"""

import math
import pathlib
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

import jinja2

from core import storage
from models.evaluation import metrics
from pipeline.reporting import changes, verdict
from pipeline.reporting.numbers import number
from pipeline.reporting.run_record import RunRecord

SCHEMA_VERSION = "0.0.2"
# The parts that only a person can write, by their names in `card`.
HUMAN = {
    "owners": "Owners",
    "users": "Users",
    "use_cases": "Use cases",
    "limitations": "Limitations",
    "tradeoffs": "Trade-offs",
    "risks": "Ethical considerations",
}

_TEMPLATES = pathlib.Path(__file__).parent / "templates"
_DESCRIBED = ("users", "use_cases", "limitations", "tradeoffs")

Json = dict[str, Any]


def write(record: RunRecord) -> None:
    """Writes the card as Markdown and as JSON; nothing where the run has no evaluated model."""
    if record.summary.get("metrics", {}).get("test"):
        card = build(record)
        storage.write_json(record.folder.model_card.with_suffix(".json"), card)
        storage.write_text(record.folder.model_card, markdown(card))


def build(record: RunRecord) -> Json:
    """Returns the card; what is not known is left out."""
    given = record.config.get("card") or {}
    card = {
        "schema_version": SCHEMA_VERSION,
        "model_details": _details(record, given),
        "model_parameters": _parameters(record, given),
        "quantitative_analysis": {"performance_metrics": list(_metrics(record))},
        "considerations": _considerations(given),
    }
    return _filled(card)


def missing(card: Mapping[str, Any]) -> list[str]:
    """Returns the names in `card` of the parts that nobody has written."""
    considerations = card.get("considerations", {})
    found = {**considerations, "owners": card["model_details"].get("owners"),
             "risks": considerations.get("ethical_considerations")}  # fmt: skip
    return [name for name in HUMAN if not found.get(name)]


def markdown(card: Mapping[str, Any]) -> str:
    """Returns the card as Markdown. Texts of users are no markup."""
    loader = jinja2.FileSystemLoader(_TEMPLATES)
    environment = jinja2.Environment(loader=loader, trim_blocks=True, lstrip_blocks=True, finalize=_plain)
    template = environment.get_template("model_card.md.jinja")
    return template.render(**card, missing=missing(card), titles=HUMAN)


def _plain(value: Any) -> Any:
    """Returns a text in one line in which no character is markup."""
    return re.sub(r"([\\`*_\[\]<>|])", r"\\\1", re.sub(r"\s+", " ", value)) if isinstance(value, str) else value


def _details(record: RunRecord, given: Mapping[str, Any]) -> Json:
    summary = record.summary
    serving = summary.get("serving", {})
    version = serving.get("version")
    date = re.match(r"(\d{4})(\d\d)(\d\d)", str(summary["run_id"]))
    return {
        "name": str(summary["name"]),
        "overview": given.get("overview") or f"Predicts {record.label}: a {record.task} model of tabular data.",
        "documentation": verdict.sentence(record),
        "owners": given.get("owners", []),
        "version": {
            "name": f"version {version}" if version else f"run {summary['run_id']}",
            "date": "-".join(date.groups()) if date else time.strftime("%Y-%m-%d"),
            "diff": "; ".join(changes.since_champion(record) or []),
        },
        "licenses": [{"identifier": given["license"]}] if given.get("license") else [],
        "references": [{"reference": reference} for reference in given.get("references", ())],
        "path": str(serving.get("path") or ""),
    }


def _parameters(record: RunRecord, given: Mapping[str, Any]) -> Json:
    model, data = record.summary.get("model", {}), record.summary.get("data", {})
    files = ", ".join(map(str, (record.config.get("data") or {}).get("files", ())))
    sensitive = {"sensitive_data": list(given.get("sensitive_data", ()))}
    features = record.config.get("features") or {}
    kinds = {name: one if isinstance(one, str) else one.get("kind") for name, one in features.items()}
    output = "float32[batch]" if record.task == "regression" else "the score of each class: float32[batch, classes]"
    members = [f"{member['family']} of weight {number(member['weight'])}" for member in model.get("members", ())]
    named = f" of {', '.join(members)}" if len(members) > 1 else ""
    began = f"; trained {model['warm_start']}" if model.get("warm_start") else ""
    return {
        "model_architecture": f"{model.get('family')}{named}, {number(model.get('parameters'))} parameters{began}",
        "data": [
            {"name": split, "link": files, "description": f"{rows:,} rows", "sensitive": sensitive}
            for split, rows in data.get("rows", {}).items()
        ],
        "input_format": "One value for each column; a missing one is NaN or an empty text.",
        "input_format_map": [{"key": name, "value": kind} for name, kind in kinds.items() if kind and kind != "ignore"],
        "output_format": f"{record.label}: {output}",
    }


def _metrics(record: RunRecord) -> Iterator[Json]:
    """Yields the metrics on test, those of the slices, and the gaps of the sensitive groups."""
    explanation = record.explanation
    halves = explanation.get("intervals", {}).get("candidate", {})
    for name, value in record.summary["metrics"]["test"].items():
        yield _metric(name, value, halves.get(name), "test")
    for part in explanation.get("slices", ()):
        for name, value in part["metrics"].items():
            yield _metric(name, value, part["half_widths"].get(name), part["name"])
    for group in explanation.get("groups", ()):
        for name, gap in group["gaps"].items():
            difference = f"{name}, difference from the other rows"
            yield _metric(difference, gap["value"] - gap["others"], gap["half_width"], group["name"])


def _metric(name: str, value: float, half_width: float | None, part: str) -> Json:
    bounds = metrics.METRICS[name].bounds if name in metrics.METRICS else (-math.inf, math.inf)
    found: Json = {"type": name, "value": f"{value:.6g}", "slice": part}
    if half_width is not None and math.isfinite(half_width):
        low, high = max(bounds[0], value - half_width), min(bounds[1], value + half_width)
        found["confidence_interval"] = {"lower_bound": f"{low:.6g}", "upper_bound": f"{high:.6g}"}
    return found


def _considerations(given: Mapping[str, Any]) -> Json:
    return {
        **{name: [{"description": text} for text in given.get(name, ())] for name in _DESCRIBED},
        "ethical_considerations": [
            {"name": risk["name"], "mitigation_strategy": risk.get("mitigation", "")} for risk in given.get("risks", ())
        ],
    }


def _filled(value: Any) -> Any:
    """Returns a JSON value without empty texts, lists and objects."""
    if isinstance(value, Mapping):
        return {key: found for key, inner in value.items() if (found := _filled(inner)) not in ("", [], {}, None)}
    return [_filled(inner) for inner in value] if isinstance(value, list) else value
