"""Asks TensorFlow Serving for the predictions of the rows in request.json, by its REST interface and Python alone.

python rest_client.py MODEL [ADDRESS]

MODEL is the name of the model in the server. ADDRESS is that of its REST interface, by default localhost:8501.

TensorFlow Serving refuses null, true, false, a number in place of a text, and a row with more or fewer columns than the
model has. Rows may have them here: a column that is null or absent is sent as missing, a truth value and a number as
the type of the column, and other columns are left out. A column that has another name in the model than in the data may
have either.
"""

import json
import math
import pathlib
import sys
import urllib.error
import urllib.request
from typing import Any

FOLDER = pathlib.Path(__file__).parent


def completed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns rows with the columns of openapi.json, each value in the type of its column."""
    described = json.loads((FOLDER / "openapi.json").read_text(encoding="utf-8"))
    call = described["paths"]["/v1/models/{model}:predict"]["post"]["requestBody"]["content"]["application/json"]
    schemas = call["schema"]["properties"]["instances"]["items"]["properties"]
    columns = []
    for name, schema in schemas.items():
        in_data = schema.get("x-name-in-data", name)
        columns.append(column([row.get(name, row.get(in_data)) for row in rows], schema))
    return [dict(zip(schemas, values, strict=True)) for values in zip(*columns, strict=True)]


def column(values: list[Any], schema: dict[str, Any]) -> list[Any]:
    """Returns the values of a column. Lists get one length, since TensorFlow Serving refuses others."""
    if schema["type"] != "array":
        return [sent(value, schema["type"]) for value in values]
    lists = [value or [] for value in values]
    length = max(1, *map(len, lists))
    return [[sent(item, schema["items"]["type"]) for item in (values + [None] * length)[:length]] for values in lists]


def sent(value: Any, kind: str) -> Any:
    """Returns a value as TensorFlow Serving takes it for a column of the type string or number."""
    if kind == "string":
        return "" if value is None else value if isinstance(value, str) else json.dumps(value)
    return math.nan if value is None else float(value) if isinstance(value, bool) else value


def main() -> None:
    """Prints the predictions, one line each."""
    model, address = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "localhost:8501"
    body = json.loads((FOLDER / "request.json").read_text(encoding="utf-8"))
    body["instances"] = completed(body["instances"])
    # To ask the version with a label: /v1/models/MODEL/labels/stable:predict
    request = urllib.request.Request(
        f"http://{address}/v1/models/{model}:predict", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            for prediction in json.load(answer)["predictions"]:
                print(json.dumps(prediction, ensure_ascii=False))
    except urllib.error.HTTPError as error:
        sys.exit(f"error: {error.code}: {error.read().decode(errors='replace')}")


if __name__ == "__main__":
    main()
