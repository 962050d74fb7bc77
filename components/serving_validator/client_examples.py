"""Writes examples of clients for the columns of the model: a request, curl, Python by REST and gRPC, and OpenAPI."""

import json
import pathlib
import shutil
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from core.spec import Spec
from models.serving import differences

_CLIENTS = pathlib.Path(__file__).with_name("clients")
_ROWS = 32  # of which the one with the fewest missing values is the example
_OUTPUTS: Mapping[bool, Mapping[str, Any]] = {
    True: {
        "type": "object",
        "properties": {
            "classes": {"type": "array", "items": {"type": "string"}},
            "scores": {"type": "array", "items": {"type": "number"}},
            "predicted": {"type": "string"},
        },
    },
    False: {"description": "the predicted number, or an object with it as predictions and as predictions_float64"},
}


def write(folder: pathlib.Path, expected: str, spec: Spec) -> None:
    """Writes the examples.

    Args:
        folder: the folder of the files, which is made.
        expected: the Parquet file with rows as in Examples.
        spec: the features and the label.
    """
    (rows,) = pq.read_table(expected, partitioning=None).slice(0, _ROWS).combine_chunks().to_batches()
    columns, _ = differences.requests(rows, spec)
    chosen = int(np.argmin(sum(_missing(column) for column in columns.values())))
    row = {name: _value(column[chosen]) for name, column in columns.items()}
    request = {"signature_name": "predict", "instances": [row]}
    folder.mkdir(parents=True, exist_ok=True)
    for file in [*sorted(_CLIENTS.glob("*_client.py")), _CLIENTS / "curl.sh"]:
        shutil.copyfile(file, folder / file.name)
    for name, content in (("request.json", request), ("openapi.json", _openapi(request, columns, spec))):
        (folder / name).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _missing(column: np.ndarray) -> np.ndarray:
    """Returns for each row 1 where its first value is missing, else 0."""
    first = column[:, 0] if column.ndim > 1 else column
    return (first == b"" if first.dtype == object else np.isnan(first)).astype(int)


def _value(value: Any) -> Any:
    """Returns a value as JSON holds it. TensorFlow Serving reads NaN, which means missing."""
    if isinstance(value, np.ndarray):
        return [_value(item) for item in value]
    return value.decode() if isinstance(value, bytes) else float(value)


def _openapi(request: Mapping[str, Any], columns: Mapping[str, np.ndarray], spec: Spec) -> dict[str, Any]:
    """Returns the OpenAPI description of the REST call."""
    properties = {name: _schema(column) for name, column in columns.items()}
    for feature in spec.features:
        if feature.in_files:
            properties[feature.name]["x-name-in-data"] = feature.in_files
    body = {
        "type": "object",
        "required": ["instances"],
        "properties": {
            "signature_name": {"const": "predict"},
            "instances": {
                "type": "array",
                "items": {"type": "object", "properties": properties, "required": list(properties)},
            },
        },
    }
    answer = {
        "type": "object",
        "properties": {"predictions": {"type": "array", "items": _OUTPUTS[bool(spec.label.classes)]}},
    }
    call = {
        "summary": f"Predicts {spec.label.name} for each row.",
        "requestBody": {"required": True, "content": {"application/json": {"schema": body, "example": request}}},
        "responses": {
            "200": {"description": "the predictions", "content": {"application/json": {"schema": answer}}},
            "400": {"description": "a column is missing, or a value is none of its column: the message names it"},
        },
    }
    names = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in ("model", "label")
    ]
    return {
        "openapi": "3.1.0",
        "info": {"title": f"Prediction of {spec.label.name} by TensorFlow Serving", "version": "1"},
        "servers": [{"url": "http://localhost:8501"}],
        "paths": {
            "/v1/models/{model}:predict": {"parameters": names[:1], "post": {**call, "operationId": "predict"}},
            "/v1/models/{model}/labels/{label}:predict": {
                "parameters": names,
                "post": {**call, "operationId": "predictByLabel"},
            },
        },
    }


def _schema(column: np.ndarray) -> dict[str, Any]:
    """Returns the JSON schema of a column: missing is the empty text, or NaN, which JSON itself does not have."""
    one = {"type": "string", "description": "empty: missing"} if column.dtype == object else {"type": "number"}
    return {"type": "array", "items": one} if column.ndim > 1 else one
