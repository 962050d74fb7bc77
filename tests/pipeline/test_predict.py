"""Batch predictions by a formula model that was pushed with the metadata of a training."""

import csv
import datetime
import json
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import time

import duckdb
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from core import storage
from core.config.sections import Data
from core.spec import Feature, Label, Spec
from ingest import Column, Dialect, Source
from ingest.readers import tfrecord
from models.serving import model_versions
from pipeline import predict
from tests import object_stores
from tests.components import data_stages, served_models

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


def test_a_kept_column_comes_once_and_has_the_name_of_the_table(serving, tmp_path):
    (tmp_path / "new.csv").write_text("town,age,ID,kept: age\nBonn,20,007,x\n")
    plain = _copy(serving, tmp_path / "plain", query=None)
    keep = ["--keep", "id", "ID", "AGE", "kept: age"]
    assert _predict(plain, tmp_path / "new.csv", tmp_path / "p.parquet", *keep) == 0
    kept = pq.read_table(tmp_path / "p.parquet").select(["ID", "age", "kept: age"]).to_pydict()
    assert kept == {"ID": ["007"], "age": [20.0], "kept: age": ["x"]}


NESTED = """
    SELECT 20.0 AS age, 'bonn' AS town, [1, NULL] AS list, {'a': 'x'} AS struct, MAP {'a': 1} AS map,
    INTERVAL 1 DAY AS interval, TIMESTAMP '2024-01-01 10:00:00' AS stamp, '\\xAA'::BLOB AS bytes, 7::HUGEINT AS huge,
    DATE 'infinity' AS day, 'x'::ENUM('x') AS enum, NULL AS nothing, [INTERVAL 1 DAY] AS intervals
"""


@pytest.mark.parametrize(
    ("suffix", "expected"),
    [
        (
            ".csv",
            {
                "list": "[1,null]",
                "struct": '{"a":"x"}',
                "map": '{"a":1}',
                "interval": "1 day",
                "stamp": "2024-01-01 10:00:00",
                "bytes": "\\xAA",
                "huge": "7",
                "day": "infinity",
                "enum": "x",
                "nothing": "",
                "intervals": '["1 day"]',
            },
        ),
        (
            ".parquet",
            {
                "list": [1, None],
                "struct": {"a": "x"},
                "map": [("a", 1)],
                "stamp": datetime.datetime(2024, 1, 1, 10),
                "bytes": b"\xaa",
                "huge": 7.0,
                "enum": "x",
                "nothing": None,
            },
        ),
    ],
)
def test_kept_columns_of_every_type(serving, tmp_path, suffix, expected):
    duckdb.sql(NESTED).write_parquet(str(tmp_path / "new.parquet"))
    plain = _copy(serving, tmp_path / "plain", query=None)
    written = tmp_path / f"p{suffix}"
    assert _predict(plain, tmp_path / "new.parquet", written, "--keep", *expected) == 0
    if suffix == ".csv":
        (row,) = csv.DictReader(written.read_text().splitlines())
    else:
        (row,) = pq.read_table(written).to_pylist()
    assert {name: row[name] for name in expected} == expected


@pytest.mark.parametrize("name", ["prediction", "Prediction", "score_0"])
def test_a_kept_column_with_the_name_of_an_output_is_an_error(serving, tmp_path, capsys, name):
    (tmp_path / "new.csv").write_text(f"age,town,{name}\n1,Bonn,5\n")
    plain = _copy(serving, tmp_path / "plain", query=None)
    assert _predict(plain, tmp_path / "new.csv", tmp_path / "p.csv", "--keep", name) == 2
    assert f"error: --keep {name}: the predictions have a column {name.lower()!r}. Rename" in capsys.readouterr().err


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
        ("age,town\n1,Bonn\n", ["--keep", "age,town"], "Column 'age,town', .* Write `age town`, without commas"),
        ("age,town\n1,Bonn\n", ["--keep", ""], "Column '', which --keep names, is not in"),
        ("age,town\n1,Bonn\n", ["--allow-unknown", "twn"], "There is no feature 'twn'. Did you mean 'town'"),
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


@pytest.mark.parametrize("name", ["new.csv", "new.parquet", "array.json", "new.jsonl"])
def test_a_table_without_rows_gives_an_output_without_rows(serving, tmp_path, name):
    (tmp_path / "new.csv").write_text("town,age,id\n")
    (tmp_path / "array.json").write_text("[ ]\n")
    (tmp_path / "new.jsonl").write_text("")
    pq.write_table(pa.table({"town": pa.array([], "string"), "age": pa.array([], "int64")}), tmp_path / "new.parquet")
    for query in (QUERY, None):
        plain = _copy(serving, tmp_path / f"query={query is not None}", query=query)
        assert _predict(plain, tmp_path / name, tmp_path / "p.parquet", "--keep", "age") == 0
        found = pq.read_table(tmp_path / "p.parquet")
        assert (found.num_rows, found.column_names) == (0, ["age", "prediction", "score_0", "score_1"])
        assert str(found.schema.field("prediction").type) == "int64"
        assert _predict(plain, tmp_path / name, tmp_path / "p.csv") == 0
        assert (tmp_path / "p.csv").read_text().split() == ['"prediction","score_0","score_1"']


def test_a_key_that_occurs_in_no_object_is_missing(serving, tmp_path, capsys):
    for query in (QUERY, None):
        plain = _copy(serving, tmp_path / f"query={query is not None}", query=query)
        (tmp_path / "new.jsonl").write_text('{"town": "bonn", "id": 1}\n{"town": null}\n')
        assert _predict(plain, tmp_path / "new.jsonl", tmp_path / "p.parquet") == 0
        assert pq.read_table(tmp_path / "p.parquet")["score_1"].to_pylist() == pytest.approx([0.6, 0.5])
        record = tf.train.Example(features=tf.train.Features(feature={"town": _bytes(b"bonn")})).SerializeToString()
        (tmp_path / "new.tfrecord").write_bytes(tfrecord.framed(record))
        assert _predict(plain, tmp_path / "new.tfrecord", tmp_path / "p.parquet") == 0
        assert pq.read_table(tmp_path / "p.parquet")["score_1"].to_pylist() == pytest.approx([0.6])
        for text in ('{"town": "bonn", "agge": 1}\n', '{"id": 1}\n'):
            (tmp_path / "new.jsonl").write_text(text)
            assert _predict(plain, tmp_path / "new.jsonl", tmp_path / "p.parquet") == 2
            assert re.search("'(age|town)'", capsys.readouterr().err)


def _bytes(value: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


@pytest.mark.parametrize("trained", ["hive", "flat"])
def test_partition_columns_are_read_as_in_training(serving, tmp_path, trained):
    hive = ("town",) if trained == "hive" else ()
    source = Source(("/data/train.csv",), COLUMNS, DATA.model_copy(update={"hive": hive}))
    plain = _copy(serving, tmp_path / "plain", query=None, source=source.to_json())
    for town in ("bonn", "ulm"):
        (tmp_path / f"t/town={town}").mkdir(parents=True)
        (tmp_path / f"t/town={town}/x.csv").write_text("age\n20\n")
    assert _predict(plain, tmp_path / "t/*/*.csv", tmp_path / "p.parquet", "--keep", "town") == 0
    found = pq.read_table(tmp_path / "p.parquet").to_pydict()
    assert (found["town"], found["score_1"]) == (["bonn", "ulm"], pytest.approx([0.3, 0.2]))
    assert _predict(plain, tmp_path / "t/town=bonn/x.csv", tmp_path / "p.parquet") == (0 if hive else 2)
    (tmp_path / "t/town=bonn/x.csv").write_text("age,town\n20,ulm\n")
    assert _predict(plain, tmp_path / "t/town=bonn/x.csv", tmp_path / "p.parquet") == 0
    assert pq.read_table(tmp_path / "p.parquet")["score_1"].to_pylist() == pytest.approx([0.2])


@pytest.mark.parametrize(
    "content",
    [
        b"town,age\nbonn,20\n",
        b"town, age\nbonn, 20\n",
        b" town ,age\n bonn ,20\n",
        "town,age\nbonn,20\n".encode("utf-16"),
        "\ufefftown,age\nbonn,20\n".encode(),
    ],
)
def test_blanks_and_encodings_are_those_of_the_file(serving, tmp_path, content):
    for number, dialect in enumerate((Dialect(encoding="latin-1"), Dialect(trim=True), Dialect())):
        trained = Source(("/data/train.csv",), COLUMNS, DATA, dialect).to_json()
        plain = _copy(serving, tmp_path / str(number), query=None, source=trained)
        (tmp_path / "new.csv").write_bytes(content)
        assert _predict(plain, tmp_path / "new.csv", tmp_path / "p.parquet", "--keep", "town") == 0
        found = pq.read_table(tmp_path / "p.parquet").to_pydict()
        assert (found["town"], found["score_1"]) == (["bonn"], pytest.approx([0.3]))


def _copy(serving: pathlib.Path, to: pathlib.Path, **changes: str | None) -> pathlib.Path:
    """Returns a folder with a copy of the version that has other metadata."""
    metadata = {**json.loads((serving / "1" / model_versions.METADATA_FILE).read_text()), **changes}
    model_versions.push(serving / "1", to, {model_versions.METADATA_FILE: json.dumps(metadata).encode()})
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
        ("bare", "p.xlsx", "a file named .parquet, .csv, .jsonl, .duckdb or .db was expected"),
        ("bare", "new.csv", "is one of the files to read"),
        ("bare", ".", "is the folder of the files to read"),
    ],
)
def test_wrong_model_or_output_is_named(tmp_path, capsys, model, to, message):
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "saved_model.pb").touch()
    (tmp_path / "new.csv").write_text("age,town\n1,Bonn\n")
    assert _predict(tmp_path / model, tmp_path / "new.csv", tmp_path / to) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content", "ages"),
    [
        ("new.csv", b"age,town\n20,Bonn\nold,Ulm\n30,Ulm\n", [20, 30]),  # on_bad_rows: quarantine
        ("new.dat", b"age,town\n20,Bonn\n", [20]),  # format: csv
        ("new.csv", "age,town\n20,Köln\n".encode("latin-1"), [20]),
    ],
)
def test_the_first_advice_works_when_it_is_pasted(serving, tmp_path, capsys, name, content, ages):
    (tmp_path / name).write_bytes(content)
    to = tmp_path / "p.parquet"
    code = _predict(serving, tmp_path / name, to, "--keep", "age")
    error = capsys.readouterr().err
    if code:
        assert "`data: {" not in error
        advice = re.search("`(--set .*?)`", error)
        assert advice, error
        assert _predict(serving, tmp_path / name, to, "--keep", "age", *shlex.split(advice[1])) == 0
    assert pq.read_table(to)["age"].to_pylist() == ages


def test_advice_about_features_is_for_a_new_training(serving, tmp_path, capsys):
    (tmp_path / "new.csv").write_text("age,town\nold,Bonn\n")
    assert _predict(serving, tmp_path / "new.csv", tmp_path / "p.csv") == 2
    assert "by `features: {age: {type: text}}` in the configuration of a new training." in capsys.readouterr().err


def test_a_setting_is_of_the_files_to_predict_alone(serving, tmp_path, capsys):
    (tmp_path / "new.csv").write_text("years|city\n20|Bonn\n40|Ulm\n")
    query = "SELECT years::DOUBLE AS age, lower(city) AS town FROM data WHERE years < '3'"
    sets = ["--set", f"data.query={query}", "--set", "data.csv.delimiter='|'"]
    assert _predict(serving, tmp_path / "new.csv", tmp_path / "p.parquet", *sets) == 0
    assert pq.read_table(tmp_path / "p.parquet")["score_1"].to_pylist() == pytest.approx([0.3])
    for flag, message in [
        ("train.epochs=3", "error: --set: `train` is not a known key. Accepted here: data."),
        ("data.csv.delimter=;", "Did you mean 'delimiter'?"),
        ("data.query=SELECT nothing FROM data", "error: The query fails: "),
    ]:
        assert _predict(serving, tmp_path / "new.csv", tmp_path / "p.csv", "--set", flag) == 2
        assert message in capsys.readouterr().err


@pytest.fixture(scope="module")
def compared(serving, tmp_path_factory) -> pathlib.Path:
    """The same model without a query, and with the statistics of a train of 40 rows."""
    folder = tmp_path_factory.mktemp("compared")
    rows = {"age": [float(age) for age in range(20, 60)], "town": ["bonn", "ulm"] * 20, "bought": [0, 1] * 20}
    columns = {"age": "float", "town": "text", "bought": "int"}
    made = data_stages.write_examples(folder / "examples", columns, {"train": rows})
    statistics = data_stages.make_statistics(made, SPEC, folder / "statistics")
    copy = _copy(serving, folder / "serving", query=None)
    shutil.copytree(statistics.uri, copy / "1" / model_versions.STATISTICS_FOLDER)
    return copy


def test_what_differs_from_the_training_is_said(compared, tmp_path, capsys):
    (tmp_path / "new.csv").write_text("age,town\n" + "20,bonn\n,Ulm \n" * 10)
    assert _predict(compared, tmp_path / "new.csv", tmp_path / "p.csv", "--json") == 0
    printed = capsys.readouterr()
    warnings = [
        "'age' is missing in 50.0% of the rows, in train 0.0%",
        "'town' has unknown categories in 50.0% of its values, such as 'Ulm '; in train 'ulm', 'bonn'",
    ]
    assert printed.err.splitlines()[:-1] == [f"warning: {warning}." for warning in warnings]
    summary = json.loads(printed.out)
    assert (summary["rows"], summary["left_out"], summary["warnings"]) == (20, 0, warnings)
    assert summary["features"]["age"]["missing"] == summary["features"]["town"]["unknown"] == 0.5
    assert _predict(compared, tmp_path / "new.csv", tmp_path / "p.csv", "--quiet") == 0
    assert capsys.readouterr() == ("", "")


def test_a_column_of_unknown_values_is_an_error_and_nothing_is_written(compared, tmp_path, capsys):
    (tmp_path / "new.csv").write_text("age,town\n" + "20,BONN\n" * 10)
    assert _predict(compared, tmp_path / "new.csv", tmp_path / "p.csv") == 2
    error = capsys.readouterr().err
    assert "'town': none of its 10 values is a category that training had, such as 'BONN'; in train" in error
    assert not (tmp_path / "p.csv").exists()
    assert _predict(compared, tmp_path / "new.csv", tmp_path / "p.csv", "--allow-unknown", "town") == 0
    assert (tmp_path / "p.csv").exists()


def test_few_unknown_categories_and_columns_that_are_not_used_are_said(compared, tmp_path, capsys):
    (tmp_path / "new.csv").write_text("age,town,id,tip\n" + "20,bonn,7,1\n" * 99 + "30,Kiel,8,2\n")
    assert _predict(compared, tmp_path / "new.csv", tmp_path / "p.csv", "--keep", "id") == 0
    assert capsys.readouterr().err.splitlines()[:-1] == [
        "note: 'town': the model treats 1 of the 100 values as unknown categories, such as 'Kiel'.",
        "note: not used, neither by the model nor by --keep: tip.",
    ]


def test_json_lines_and_a_table_of_duckdb(compared, tmp_path):
    (tmp_path / "new.csv").write_text('age,town,id\n20,bonn,"a ""b"""\n30,ulm,\n')
    rows = [
        {"id": 'a "b"', "prediction": 0, "score_0": pytest.approx(0.7), "score_1": pytest.approx(0.3)},
        {"id": None, "prediction": 0, "score_0": pytest.approx(0.7), "score_1": pytest.approx(0.3)},
    ]
    assert _predict(compared, tmp_path / "new.csv", tmp_path / "p.jsonl", "--keep", "id") == 0
    assert [json.loads(line) for line in (tmp_path / "p.jsonl").read_text().splitlines()] == rows
    with duckdb.connect(str(tmp_path / "p.duckdb")) as database:
        database.execute("CREATE TABLE mine AS SELECT 1 AS one; CREATE TABLE predictions AS SELECT 2 AS two")
    assert _predict(compared, tmp_path / "new.csv", tmp_path / "p.duckdb", "--keep", "id") == 0
    with duckdb.connect(str(tmp_path / "p.duckdb")) as database:
        assert database.sql("FROM predictions").to_arrow_table().to_pylist() == rows
        assert database.sql("FROM mine").fetchall() == [(1,)]


def test_a_database_stays_as_it_was_where_the_data_are_wrong(compared, tmp_path, capsys):
    (tmp_path / "new.csv").write_text("age,town\n" + "20,BONN\n" * 10)
    assert _predict(compared, tmp_path / "new.csv", tmp_path / "p.duckdb") == 2
    assert not (tmp_path / "p.duckdb").exists()
    (tmp_path / "q.duckdb").write_text("no database")
    assert _predict(compared, tmp_path / "new.csv", tmp_path / "q.duckdb") == 2
    assert "cannot be opened as a DuckDB database" in capsys.readouterr().err
    assert (tmp_path / "q.duckdb").read_text() == "no database"


def test_each_file_gets_a_part_in_a_folder_and_complete_parts_are_kept(compared, tmp_path, capsys):
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text("age,town\n20,bonn\n")

    def predicted():
        assert _predict(compared, tmp_path / "?.csv", tmp_path / "parts", "--json") == 0
        summary = json.loads(capsys.readouterr().out)
        return summary["rows"], summary["parts_kept"]

    assert predicted() == (2, 0)
    first, second = sorted((tmp_path / "parts").iterdir())
    assert pq.read_table(second).column_names == ["prediction", "score_0", "score_1"]
    second.unlink()
    first.touch()
    assert predicted() == (1, 1)
    (tmp_path / "a.csv").write_text("age,town\n20,bonn\n30,ulm\n")
    assert predicted() == (2, 1)
    assert pq.read_table(first).num_rows == 2


def test_beam_predicts_as_one_process_does(compared, tmp_path, capsys):
    (tmp_path / "a.csv").write_text("age,town,id\n" + "20,bonn,7\n,ulm,8\n" * 10)
    (tmp_path / "b.csv").write_text("age,town,id\n" + "30,Kiel,9\n" + "40,ulm,9\n" * 9)
    found = []
    for folder, more in (("one", []), ("workers", ["--beam"])):
        arguments = ["--keep", "id", "--json", "--quiet", *more]
        assert _predict(compared, tmp_path / "?.csv", tmp_path / folder, *arguments) == 0
        summary = json.loads(capsys.readouterr().out)
        summary.pop("seconds"), summary.pop("to")
        found.append((summary, [pq.read_table(part) for part in sorted((tmp_path / folder).iterdir())]))
    assert found[0] == found[1]
    assert (found[0][0]["rows"], found[0][0]["features"]["age"]["missing"]) == (30, pytest.approx(1 / 3, abs=1e-6))


def test_an_error_in_a_worker_of_beam_is_told_as_in_one_process(compared, tmp_path, capsys):
    (tmp_path / "a.csv").write_text("age,town\n" + "20,BONN\n" * 10)
    assert _predict(compared, tmp_path / "a.csv", tmp_path / "parts", "--beam") == 2
    error = capsys.readouterr().err
    assert error.startswith("error: The model was not trained on such values:")
    assert "while running" not in error
    assert _predict(compared, tmp_path / "a.csv", tmp_path / "p.csv", "--beam") == 2
    assert "with --beam, a folder for the parts was expected" in capsys.readouterr().err
    assert _predict(compared, tmp_path / "a.csv", tmp_path / "parts", "--beam=--runner=Flunk") == 2
    assert "--beam: there is no runner 'Flunk'. Did you mean 'flink'?" in capsys.readouterr().err
    assert _predict(compared, tmp_path / "a.csv", tmp_path / "parts", "--beam=--job_name='open") == 2
    assert "error: --beam: No closing quotation. Write options like" in capsys.readouterr().err
    assert _predict(compared, tmp_path / "a.csv", tmp_path / "parts", "--beam=--direct_num_workers=few") == 2
    assert "Correct the options of --beam." in capsys.readouterr().err


def test_help_comes_at_once_and_without_tensorflow():
    script = pathlib.Path(predict.__file__)
    begun = time.monotonic()
    done = subprocess.run([sys.executable, "-X", "importtime", str(script), "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "--keep" in done.stdout
    assert not re.search(r"\| *(tensorflow|numpy|duckdb)\b", done.stderr)
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("scheme", ["s3", "gs"])
def test_the_model_the_rows_and_the_predictions_may_be_in_a_bucket(scheme, serving, tmp_path, capsys):
    """Version 3 is not complete: it has no saved_model.pb."""
    (tmp_path / "new.csv").write_text("town,age\nBonn,20\nulm,70\n")
    bucket = f"{scheme}://bucket"
    with object_stores.store(scheme):
        storage.upload_all(serving / "1", f"{bucket}/serving/2")
        storage.upload(tmp_path / "new.csv", f"{bucket}/serving/3/variables.index")  # not complete
        storage.upload(tmp_path / "new.csv", f"{bucket}/new.csv")
        assert _predict(f"{bucket}/serving", f"{bucket}/new.csv", f"{bucket}/out/p.csv") == 0
        assert f"2 rows predicted by {bucket}/serving/2 in " in capsys.readouterr().err
        with storage.open_binary(f"{bucket}/out/p.csv") as stream:
            assert [row["prediction"] for row in csv.DictReader(stream.read().decode().splitlines())] == ["0", "1"]
        assert _predict(f"{bucket}/none", f"{bucket}/new.csv", f"{bucket}/p.csv") == 2
        assert f"{bucket}/none holds no version of a model" in capsys.readouterr().err
        assert _predict(f"{bucket}/serving", f"{bucket}/new.csv", f"{scheme}://nothing/p.csv") == 2
        assert "there is no bucket 'nothing'" in capsys.readouterr().err
