"""Batch predictions by a formula model that was pushed with the metadata of a training."""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import time

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from core.config_sections import Data
from core.spec import Feature, Label, Spec
from ingest import Column, Source
from models.serving import model_versions
from pipeline import predict
from tests.components import served_models

SPEC = Spec(
    label=Label("bought", "binary", "int", ("0", "1")),
    features=(Feature("age", "numeric", "float"), Feature("town", "categorical", "text")),
)
DATA = Data(files=("/data/train.csv",), format="csv")
COLUMNS = (Column("age", "DOUBLE"), Column("town", "VARCHAR"), Column("tip", "DOUBLE"))
QUERY = "SELECT age, lower(town) AS town, tip > 0.2 AS bought FROM data"


def _formula(columns):
    age = tf.where(tf.math.is_nan(columns["age"]), tf.constant(50.0, tf.float64), columns["age"])
    return age / 100 + tf.where(columns["town"] == "bonn", tf.constant(0.1, tf.float64), tf.constant(0.0, tf.float64))


@pytest.fixture(scope="module")
def serving(tmp_path_factory) -> pathlib.Path:
    """Version 1 of a model whose training had the columns age, town and tip, and a query over them."""
    folder = tmp_path_factory.mktemp("run")
    model = served_models.save(folder / "model", _formula, {"age": tf.float64, "town": tf.string}, SPEC.label.classes)
    source = Source(("/data/train.csv",), COLUMNS, DATA)
    metadata = {"spec": SPEC.to_json(), "source": source.to_json(), "query": QUERY}
    extra = {model_versions.METADATA_FILE: json.dumps(metadata).encode()}
    model_versions.push(pathlib.Path(model), folder / "serving", extra)
    return folder / "serving"


def _predict(serving: pathlib.Path, data: pathlib.Path, to: pathlib.Path, *more: str) -> int:
    return predict.main(["--model", str(serving), "--data", str(data), "--to", str(to), *more])


def test_csv_without_label_to_parquet_with_a_column_kept(serving, tmp_path, capsys):
    (tmp_path / "new.csv").write_text("town,age,id\nBonn,20,007\nULM,,008\nulm,70,009\n")
    assert _predict(serving, tmp_path / "new.csv", tmp_path / "p.parquet", "--keep", "town", "age") == 0
    assert pq.read_table(tmp_path / "p.parquet").to_pydict() == {
        "town": ["bonn", "ulm", "ulm"],
        "age": [20.0, None, 70.0],
        "prediction": [0, 0, 1],
        "score_0": pytest.approx([0.7, 0.5, 0.3]),
        "score_1": pytest.approx([0.3, 0.5, 0.7]),
    }
    assert f"3 rows predicted by {serving / '1'} in " in capsys.readouterr().err


def test_parquet_to_csv(serving, tmp_path):
    table = pa.table({"age": pa.array([20, 60], pa.int32()), "town": pa.array(["Bonn", None]), "extra": [[1], [2]]})
    pq.write_table(table, tmp_path / "new.parquet")
    assert _predict(serving / "1", tmp_path / "new.parquet", tmp_path / "deep" / "p.csv", "--quiet") == 0
    written = pa.csv.read_csv(tmp_path / "deep" / "p.csv").to_pydict()
    assert written["prediction"] == [0, 1]
    assert written["score_1"] == pytest.approx([0.3, 0.6])


def test_json_lines_with_a_label_of_any_kind(serving, tmp_path):
    (tmp_path / "new.jsonl").write_text('{"age": 20, "town": "Bonn", "tip": 3.5}\n{"age": 1.5}\n')
    assert _predict(serving, tmp_path / "new.jsonl", tmp_path / "p.parquet") == 0
    assert pq.read_table(tmp_path / "p.parquet")["score_1"].to_pylist() == pytest.approx([0.3, 0.015])


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        ("age,twon\n1,Bonn\n", [], r"new.csv has no column 'town', .*Is 'twon' meant to be 'town'\?"),
        ("age,town\nold,Bonn\n", [], r"new.csv, line 2: column 'age' has the value 'old'"),
        ("age,town\n1,Bonn\n", ["--keep", "twn"], r"Column 'twn', which --keep names, is not in .*Is 'town' meant"),
        ("", [], "new.csv is empty"),
    ],
)
def test_errors_name_what_is_wrong_and_write_nothing(serving, tmp_path, capsys, text, arguments, message):
    (tmp_path / "new.csv").write_text(text)
    (tmp_path / "p.csv").write_text("earlier")
    assert _predict(serving, tmp_path / "new.csv", tmp_path / "p.csv", *arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert re.search(message, error), error
    assert (tmp_path / "p.csv").read_text() == "earlier"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.csv", "p.csv"]


def test_feature_that_is_not_there_is_named_where_there_is_no_query(serving, tmp_path, capsys):
    plain = _copy(serving, tmp_path / "plain", query=None)
    (tmp_path / "new.csv").write_text("Age,citty\n1,Bonn\n")
    assert _predict(plain, tmp_path / "new.csv", tmp_path / "p.csv") == 2
    assert "Feature 'town', which the model takes, is not in" in capsys.readouterr().err


def test_column_that_no_feature_needs_may_hold_anything(serving, tmp_path):
    plain = _copy(serving, tmp_path / "plain", query=None)
    (tmp_path / "new.csv").write_text("age,town,tip\n20,bonn,?\n60,ulm,none yet\n")
    assert _predict(plain, tmp_path / "new.csv", tmp_path / "p.parquet", "--keep", "tip") == 0
    assert pq.read_table(tmp_path / "p.parquet")["tip"].to_pylist() == ["?", "none yet"]


def test_whole_numbers_may_be_written_with_a_point(tmp_path):
    """So pandas writes a column of whole numbers with missing ones."""
    spec = Spec(SPEC.label, (Feature("age", "numeric", "int"),))
    model = served_models.save(
        tmp_path / "model", lambda columns: columns["age"] / 100, {"age": tf.float64}, ("0", "1")
    )
    source = Source(("/data/train.csv",), (Column("age", "BIGINT"), Column("bought", "BIGINT")), DATA)
    query = "SELECT age + 1 AS age, bought FROM data"
    metadata = json.dumps({"spec": spec.to_json(), "source": source.to_json(), "query": query})
    extra = {model_versions.METADATA_FILE: metadata.encode()}
    model_versions.push(pathlib.Path(model), tmp_path / "serving", extra)
    (tmp_path / "new.csv").write_text("age\n20.0\n60\n")
    assert _predict(tmp_path / "serving", tmp_path / "new.csv", tmp_path / "p.parquet") == 0
    assert pq.read_table(tmp_path / "p.parquet")["score_1"].to_pylist() == pytest.approx([0.21, 0.61])


def _copy(serving: pathlib.Path, to: pathlib.Path, query: str | None) -> pathlib.Path:
    """Returns a copy of the version with another query."""
    shutil.copytree(serving / "1", to / "1")
    file = to / "1" / model_versions.METADATA_FILE
    file.write_text(json.dumps({**json.loads(file.read_text()), "query": query}))
    return to


def test_rows_keep_their_order_over_many_row_groups(serving, tmp_path):
    ages = [float(index % 97) for index in range(80_000)]
    pq.write_table(pa.table({"age": ages, "town": ["ulm"] * len(ages)}), tmp_path / "new.parquet")
    assert _predict(serving, tmp_path / "new.parquet", tmp_path / "p.parquet", "--keep", "age") == 0
    found = pq.read_table(tmp_path / "p.parquet")
    assert found["age"].to_pylist() == ages
    assert found["score_1"].to_pylist() == pytest.approx([age / 100 for age in ages])


@pytest.mark.parametrize(
    ("model", "to", "message"),
    [
        ("nowhere", "p.csv", "there is no such folder"),
        ("", "p.csv", "holds no version of a model"),
        ("bare", "p.csv", "it was not pushed by this pipeline"),
        ("bare", "p.xlsx", "a file named .parquet or .csv was expected"),
        ("bare", "new.csv", "is one of the files to read"),
    ],
)
def test_wrong_model_or_output_is_named(tmp_path, capsys, model, to, message):
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "saved_model.pb").touch()
    (tmp_path / "new.csv").write_text("age,town\n1,Bonn\n")
    assert _predict(tmp_path / model, tmp_path / "new.csv", tmp_path / to) == 2
    assert message in capsys.readouterr().err


def test_help_comes_at_once_and_without_tensorflow():
    script = pathlib.Path(predict.__file__)
    begun = time.monotonic()
    done = subprocess.run([sys.executable, "-X", "importtime", str(script), "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "--keep" in done.stdout
    assert not re.search(r"\| *(tensorflow|numpy|duckdb)\b", done.stderr)
    assert time.monotonic() - begun < 5
