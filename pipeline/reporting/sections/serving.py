"""Builds the section on the served model: parity with the trained model, latency and size."""

import pathlib
import shlex

from core.serving_costs import ServingCosts
from pipeline.reporting.blocks import Code, Section, Table, Text
from pipeline.reporting.numbers import number, size
from pipeline.reporting.run_record import RunRecord


def build(record: RunRecord) -> Section:
    """Returns the section."""
    serving = record.summary.get("serving", {})
    folder = model_folder(record)
    rows = [
        ["largest difference from the trained model, in a fresh process", number(serving.get("max_abs_difference"))],
        *([text, number(serving.get(name))] for name, text in ServingCosts.texts()),
        ["size of the folder of the version", size(size_of(folder)) if folder else ""],
        ["version", str(serving.get("version") or "")],
    ]
    found = [[name, value] for name, value in rows if value]
    if not found:
        return Section("serving", "Parity, latency and size", [Text("No model was exported in this run.", "note")])
    blocks: list[Table | Code] = [Table(["served model", "value"], found)]
    if serving.get("path"):
        board, model = shlex.quote(str(record.folder.tensorboard)), shlex.quote(str(serving["path"]))
        blocks.append(Code(f"tensorboard --logdir {board}\nsaved_model_cli show --all --dir {model}"))
    return Section("serving", "Parity, latency and size", blocks)


def model_folder(record: RunRecord) -> pathlib.Path | None:
    """Returns the folder of the served version, or else of the trained model."""
    path = record.summary.get("serving", {}).get("path")
    return pathlib.Path(path) if path else record.uri("Trainer", "model")


def size_of(folder: pathlib.Path) -> int:
    """Returns the number of bytes of all files in a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
