"""One model that was trained on CSV predicts all formats, REST requests and tf.Examples alike, to the bit."""

import datetime
import json
import pathlib
import random
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from core.errors import UserError
from models.serving import differences, model_versions
from models.serving.served_model import ServedModel
from pipeline.prediction import batch_prediction
from pipeline.prediction.prediction_table import PredictionTable

pytestmark = pytest.mark.slow
ROOT = pathlib.Path(__file__).parents[3]
ROWS = 3_000


def _table() -> dict[str, list]:
    """Returns rows whose label depends on the hour, and on the code but for the zero before it."""
    chance = random.Random(3)
    start = datetime.datetime(2022, 1, 1)
    moments = [start + datetime.timedelta(minutes=chance.randrange(60 * 24 * 700)) for _ in range(ROWS)]
    codes = [chance.choice(["01", "02", "3", "B"]) for _ in range(ROWS)]
    flags = [chance.random() < 0.5 for _ in range(ROWS)]
    amounts = [round(chance.uniform(1, 5_000), 2) for _ in range(ROWS)]
    labels = [
        "yes" if (moment.hour >= 12) ^ (code in ("01", "B")) else "no"
        for moment, code in zip(moments, codes, strict=True)
    ]
    large = [2**60 + chance.randrange(10**6) for _ in range(ROWS)]
    return {"t": moments, "code": codes, "flag": flags, "amount": amounts, "large": large, "y": labels}


TABLE = _table()
FEATURES = ["t", "code", "flag", "amount", "large"]


def _csv(path: pathlib.Path, columns: dict[str, list]) -> str:
    rows = zip(*columns.values(), strict=True)
    path.write_text("\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)]) + "\n")
    return str(path)


def _jsonl(path: pathlib.Path, columns: dict[str, list]) -> str:
    rows = (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
    path.write_text("\n".join(map(json.dumps, rows)) + "\n")
    return str(path)


def _parquet(path: pathlib.Path, columns: dict[str, list], moment: pa.DataType) -> str:
    arrays = {name: pa.array(values, moment) if name == "t" else values for name, values in columns.items()}
    pq.write_table(pa.table(arrays), path)
    return str(path)


def _written(moments: list[datetime.datetime], form: str) -> list[str]:
    return [f"{moment:{form}}" for moment in moments]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The version that a run pushed, its model, and the predictions of the file of the training."""
    folder = tmp_path_factory.mktemp("run")
    data = _csv(folder / "train.csv", {**TABLE, "t": _written(TABLE["t"], "%d.%m.%Y %H:%M")})
    sets = ["--set", "model.family=mlp", "--set", "tune.trials=0", "--set", "train.epochs=6"]
    sets += ["--set", "features.large={kind: numeric, type: int}"]
    command = [sys.executable, "pipeline/run_local.py", "--data", data, "--label", "y", "--out", folder / "out", *sets]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    version = model_versions.find_version(folder / "out" / "serving")
    model = ServedModel(str(version))
    return version, model, _predicted(version, model, data)


def _predicted(version: pathlib.Path, model: ServedModel, file: str) -> pa.Table:
    training = batch_prediction.read_training(version)
    with PredictionTable(training, [file]) as table:
        return pa.concat_tables(batch_prediction.predictions(model, batch, training.spec) for batch in table.batches())


@pytest.mark.parametrize("form", ["Parquet ns", "Parquet with zone", "Parquet texts", "JSON", "JSON numbers", "CSV"])
def test_formats(served, tmp_path, form):
    version, model, expected = served
    since_1970 = [int(moment.replace(tzinfo=datetime.UTC).timestamp()) * 1_000_000 for moment in TABLE["t"]]
    iso = _written(TABLE["t"], "%Y-%m-%dT%H:%M:%S")
    columns = {name: TABLE[name] for name in FEATURES}
    files = {
        "Parquet ns": lambda: _parquet(tmp_path / "x.parquet", columns, pa.timestamp("ns")),
        "Parquet with zone": lambda: _parquet(tmp_path / "x.parquet", columns, pa.timestamp("us", "Asia/Tokyo")),
        "Parquet texts": lambda: _parquet(tmp_path / "x.parquet", {**columns, "t": iso}, pa.string()),
        "JSON": lambda: _jsonl(tmp_path / "x.jsonl", {**columns, "t": [f"{text}Z" for text in iso]}),
        "JSON numbers": lambda: _jsonl(tmp_path / "x.jsonl", {**columns, "t": since_1970}),
        "CSV": lambda: _csv(
            tmp_path / "x.csv",
            {
                "T": iso,
                "Code": TABLE["code"],
                "flag": ["yes" if flag else 0 for flag in TABLE["flag"]],
                "amount": TABLE["amount"],
                "large": TABLE["large"],
            },
        ),
    }
    assert _predicted(version, model, files[form]()).equals(expected)


def test_codes_that_arrive_as_numbers(served, tmp_path):
    version, model, expected = served
    digits = [row for row, code in enumerate(TABLE["code"]) if code != "B"]
    columns = {name: [TABLE[name][row] for row in digits] for name in FEATURES}
    file = _parquet(tmp_path / "x.parquet", {**columns, "code": [*map(float, columns["code"])]}, pa.timestamp("us"))
    found = _predicted(version, model, file)["score_yes"]
    # In other batches, the last bits of a score may differ.
    assert np.allclose(found, expected["score_yes"].take(digits), rtol=0, atol=1e-6)


def _rest(model: ServedModel, rows: list[dict]) -> dict[str, np.ndarray]:
    """Returns the tensors that a model server makes of rows in JSON: texts for strings alone, numbers for numbers."""
    tensors = {}
    for name, tensor in model.signature_inputs("predict").items():
        values = [row[name] for row in rows]
        assert {isinstance(value, str) for value in values} == {tensor.dtype.name == "string"}
        encoded = [value.encode() if isinstance(value, str) else value for value in values]
        tensors[name] = np.array(encoded, object if tensor.dtype.name == "string" else np.float64)
    return tensors


SINCE_1970 = [int((moment - datetime.datetime(1970, 1, 1)).total_seconds()) * 1_000_000 for moment in TABLE["t"]]


@pytest.mark.parametrize(
    ("moments", "flags", "one"),
    [
        (_written(TABLE["t"], "%d.%m.%Y %H:%M"), [str(flag) for flag in TABLE["flag"]], "01"),
        (
            [f"{moment + datetime.timedelta(hours=2):%Y-%m-%dT%H:%M:%S}+02:00" for moment in TABLE["t"]],
            ["1", "0"],
            "1.0",
        ),
        (list(map(str, SINCE_1970)), ["yes", "no"], "1"),
    ],
    ids=["as in the CSV", "ISO 8601 with offset", "whole numbers"],
)
def test_rest(served, moments, flags, one):
    _, model, expected = served
    flags = flags if len(flags) == ROWS else [flags[0] if flag else flags[1] for flag in TABLE["flag"]]
    large = map(str, TABLE["large"])
    codes = [one if code == "01" else code for code in TABLE["code"]]
    columns = {"t": moments, "code": codes, "flag": flags, "amount": TABLE["amount"], "large": large}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    tensors = _rest(model, json.loads(json.dumps(rows)))
    assert np.array_equal(model.call("predict", tensors)["scores"][:, 1], expected["score_yes"])


def test_tf_examples(served, tmp_path):
    version, model, expected = served
    training = batch_prediction.read_training(version)
    file = _parquet(tmp_path / "x.parquet", {name: TABLE[name] for name in FEATURES}, pa.timestamp("ms"))
    with PredictionTable(training, [file]) as table:
        (batch,) = table.batches()
    numbers = differences.tf_examples(batch.features, training.spec.features)
    texts = np.array([_with_texts(example, row) for row, example in enumerate(numbers)], object)
    for examples in (numbers, texts):
        answer = model.call("serving_default", {"examples": examples})
        assert np.array_equal(answer["scores"][:, 1], expected["score_yes"])


def _with_texts(serialized: bytes, row: int) -> bytes:
    """Returns a tf.Example in which the values are as the CSV file has them."""
    example = tf.train.Example.FromString(serialized)
    texts = {"t": f"{TABLE['t'][row]:%d.%m.%Y %H:%M}", "flag": str(TABLE["flag"][row]), "large": TABLE["large"][row]}
    for name, text in texts.items():
        example.features.feature[name].CopyFrom(
            tf.train.Feature(bytes_list=tf.train.BytesList(value=[str(text).encode()]))
        )
    return example.SerializeToString()


def test_the_spec_of_a_version_says_how_requests_write_values(served):
    version, model, _ = served
    written = {feature.name: feature.written for feature in batch_prediction.read_training(version).spec.features}
    expected = {"t": "%d.%m.%Y %H:%M", "code": None, "flag": "true or false", "amount": None, "large": "whole numbers"}
    assert written == expected
    texts = {name for name, tensor in model.inputs.items() if tensor.dtype.name == "string"}
    assert texts == {"t", "code", "flag", "large"}


def test_another_unit_is_an_error_that_names_the_unit(served, tmp_path):
    version, model, _ = served
    seconds = [int(moment.replace(tzinfo=datetime.UTC).timestamp()) for moment in TABLE["t"]]
    file = _jsonl(tmp_path / "x.jsonl", {**{name: TABLE[name] for name in FEATURES}, "t": seconds})
    with pytest.raises(UserError, match=r"a whole number of microseconds \(us\) since 1970-01-01 UTC between"):
        _predicted(version, model, file)
