"""Columns whose names differ in case only, or by a space and a dot only, from the table to requests."""

import json
import pathlib
import subprocess
import sys
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from models.serving import model_versions
from models.serving.served_model import ServedModel
from tests.conformance.table_writers import WRITERS

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROWS = 400
TABLE = {
    "age": [place * 7 % 50 / 10 for place in range(ROWS)],
    "Age": [("old", "young", "middle")[place % 3] for place in range(ROWS)],
    "a b": [place * 13 % 40 for place in range(ROWS)],
    "a.b": [place * 17 % 30 / 4 for place in range(ROWS)],
}
LABEL = [int(age + (group == "old") * 2 > 3.3) for age, group in zip(TABLE["age"], TABLE["Age"], strict=True)]


def _write(path: pathlib.Path, columns: dict[str, list[Any]]) -> str:
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    path.write_bytes(WRITERS[path.suffix[1:]](rows))
    return str(path)


def _run(*command: str) -> str:
    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("trained_on", ["csv", "parquet"])
def test_from_the_table_to_every_signature(tmp_path: pathlib.Path, trained_on: str) -> None:
    data = _write(tmp_path / f"train.{trained_on}", {**TABLE, "bought": LABEL})
    settings = ["--set", "model.family=linear", "--set", "tune.trials=0"]
    said = _run("pipeline/run_local.py", "--data", data, "--label", "bought", "--out", str(tmp_path / "run"), *settings)
    assert "'age' is called `age_2`" in said
    version = model_versions.find_version(tmp_path / "run" / "serving")

    predictions = []
    for name, order in (
        ("same.csv", list(TABLE)),
        ("turned.csv", list(TABLE)[::-1]),
        ("turned.parquet", ["Age", "age", "a.b", "a b"]),
        ("turned.jsonl", ["Age", "a b", "age", "a.b"]),
        ("turned.tfrecord", ["a b", "Age", "age", "a.b"]),
    ):
        file = _write(tmp_path / name, {column: TABLE[column] for column in order})
        to = str(tmp_path / f"{name}-predictions.parquet")
        _run("pipeline/predict.py", "--model", str(version), "--data", file, "--to", to)
        predictions.append(pq.read_table(to).column("score_1").combine_chunks())
    assert all(found == predictions[0] for found in predictions)

    model = ServedModel(str(version))
    assert set(model.inputs) == {"Age", "age_2", "a b", "a.b"}
    columns = {"age_2" if name == "age" else name: values for name, values in TABLE.items()}
    arrays = {name: np.array(values, object if name == "Age" else float) for name, values in columns.items()}
    expected = np.asarray(predictions[0])
    np.testing.assert_array_equal(model.call("predict", arrays)["scores"][:, 1].astype(expected.dtype), expected)
    serialized = np.array([_example(columns, place) for place in range(ROWS)], object)
    for signature, argument, output in (
        ("serving_default", "examples", "scores"), ("classify", "inputs", "scores"), ("regress", "inputs", "outputs"),
    ):  # fmt: skip
        found = model.call(signature, {argument: serialized})[output]
        np.testing.assert_allclose(found[:, 1] if output == "scores" else found, expected, atol=1e-6)
    assert set(model.call("transform_features", arrays)) >= {"Age", "age_2", "a b", "a.b"}

    described = json.loads((version / "assets.extra" / "clients" / "openapi.json").read_text(encoding="utf-8"))
    assert '"x-name-in-data": "age"' in json.dumps(described)


def _example(columns: dict[str, list[Any]], place: int) -> bytes:
    """Returns a row with each value in the type that the table of the training has."""
    example = tf.train.Example()
    for name, values in columns.items():
        feature, value = example.features.feature[name], values[place]
        if isinstance(value, str):
            feature.bytes_list.value.append(value.encode())
        elif isinstance(value, int):
            feature.int64_list.value.append(value)
        else:
            feature.float_list.value.append(value)
    return example.SerializeToString()
