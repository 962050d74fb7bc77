"""Builds the section on calling the served model: a request with its columns, and clients that send it."""

import pathlib
import shlex

from models.serving import model_versions
from pipeline.reporting.blocks import Code, Fold, Section, Text
from pipeline.reporting.run_record import RunRecord

_MOST_LETTERS = 4_000  # of a file; a table may have thousands of columns
_FOLDED = {
    "rest_client.py": "Python by REST",
    "grpc_client.py": "Python by gRPC",
    "openapi.json": "OpenAPI description of the call",
}


def build(record: RunRecord) -> Section:
    """Returns the section."""
    uri, path = record.uri("ServingValidator", "infra_blessing"), record.summary.get("serving", {}).get("path")
    folder = pathlib.Path(model_versions.clients_folder(str(uri))) if uri else None
    if not path or folder is None or not (folder / "request.json").exists():
        return Section("call", "Call it", [Text("No model was pushed in this run.", "note")])
    clients = f"{str(path).rstrip('/')}/{model_versions.CLIENTS_FOLDER}"
    model = shlex.quote(str(record.summary.get("name")))
    told = f"TensorFlow Serving answers this request with the prediction. The files are in {clients}."
    return Section(
        "call",
        "Call it",
        [
            Text(told),
            Code(_content(folder / "request.json")),
            Code(f"MODEL={model} sh {shlex.quote(f'{clients}/curl.sh')} localhost:8501"),
            *(Fold(title, [Code(_content(folder / name))]) for name, title in _FOLDED.items()),
        ],
    )


def _content(file: pathlib.Path) -> str:
    text = file.read_text(encoding="utf-8").strip()
    return text if len(text) <= _MOST_LETTERS else f"{text[:_MOST_LETTERS]}\n... the rest is in the file {file.name}"
