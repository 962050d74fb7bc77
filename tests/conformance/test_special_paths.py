"""Every format is read, and every command works, below folders whose names mean something to a library."""

import json
import os
import pathlib
import shutil
import sqlite3

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

import ingest
from components.tf_examples import conversion
from core import examples
from core.config.sections import Data
from core.errors import UserError
from core.spec import Feature, Label, Spec
from ingest import READERS, Column, Source
from models.serving import model_versions
from pipeline import init_config, predict, run_local
from pipeline.run.history import COMPLETE, History
from pipeline.run.run_folder import RunFolder
from tests.components import served_models
from tests.conformance.table_writers import WRITERS

pytestmark = pytest.mark.slow

NAMES = ("n=5", "a#b", "100%25", "a?b", "[v2]", "a*b", "it's", 'say "x"', "a b ", "日本ü", "a\\b", "a;b,c")
ROWS = [{"n": row, "town": "ulm" if row % 3 else "bonn", "bought": "yes" if row % 2 else "no"} for row in range(60)]

every_format = pytest.mark.parametrize("format", sorted(READERS))


def write(folder: pathlib.Path, format: str) -> pathlib.Path:
    folder.mkdir(parents=True)
    file = folder / f"data{READERS[format].suffixes[0]}"
    file.write_bytes(WRITERS[format](ROWS))
    return file


@every_format
@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_read_by_its_path_and_by_a_glob(tmp_path, monkeypatch, format, name):
    file = write(tmp_path / name, format)
    monkeypatch.chdir(tmp_path / name)
    for pattern in (str(file), f"{tmp_path}/{name}/*", f"{tmp_path}/{name}/**/dat?.*", "*", file.name):
        source = ingest.discover(Data(files=(pattern,)))
        assert source.files == (str(file),)
        with ingest.reading(source):
            assert ingest.relation(ingest.connect(), source).to_arrow_table().to_pylist() == ROWS


@pytest.mark.parametrize("name", NAMES)
def test_spans_are_found_or_refused(tmp_path, name):
    for span in (1, 2):
        write(tmp_path / name / f"span-{span}", "csv")
    if name in ("a?b", "a*b", "a\\b"):
        with pytest.raises(UserError, match=r"TFX finds no spans in .* Rename the folder"):
            ingest.expand([f"{tmp_path}/{name}/span-{{SPAN}}/*.csv"])
        return
    (file,) = ingest.expand([f"{tmp_path}/{name}/span-{{SPAN}}/*.csv"])
    assert file == f"{tmp_path}/{name}/span-2/data.csv"


@every_format
@pytest.mark.slow
@pytest.mark.parametrize("name", ["n=5 #?*'{x}", '[v2] \\ "100%25" ü'])
def test_every_command_works(tmp_path, capsys, format, name):
    file = write(tmp_path / name, format)
    assert init_config.main([str(file), "--label", "bought"]) == 0
    (tmp_path / name / "table.yaml").write_text(capsys.readouterr().out.replace(f"{file.parent}/", ""))
    out = tmp_path / name.replace("[v2] \\", "") / "run"
    assert run_local.main([str(tmp_path / name / "table.yaml"), "--out", str(out), "--dry-run"]) == 0
    assert "ExampleGen" in capsys.readouterr().out

    spec = Spec(Label("bought", "binary", "text", ("no", "yes")), (Feature("n", "numeric", "int"),))
    model = served_models.save(
        tmp_path / "model", lambda columns: columns["n"] / 100, {"n": tf.float64}, spec.label.classes
    )
    source = Source(("/data/train.csv",), (Column("n", "BIGINT"),), Data(files=("/data/train.csv",), format="csv"))
    metadata = json.dumps({"spec": spec.to_json(), "source": source.to_json(), "query": None}).encode()
    serving = tmp_path / name / "serving"
    model_versions.push(pathlib.Path(model), serving, {model_versions.METADATA_FILE: metadata})
    to = tmp_path / name / "a=1.parquet"
    assert predict.main(["--model", str(serving), "--data", str(file), "--to", str(to), "--keep", "n"]) == 0
    with pq.ParquetFile(to) as written:
        assert written.read().to_pydict()["n"] == list(range(60))


@pytest.mark.parametrize("name", ["[v2]", "a\\b"])
def test_a_folder_from_which_tensorflow_loads_no_model_is_refused_at_once(tmp_path, capsys, name):
    file = write(tmp_path / name, "csv")
    out = tmp_path / name / "run"
    assert run_local.main(["--data", str(file), "--label", "bought", "--out", str(out)]) == 2
    assert "TensorFlow cannot load models from such a folder. Give another folder" in capsys.readouterr().err
    assert not out.exists()
    with pytest.raises(UserError, match="has the character"):
        RunFolder(out).check_loadable()


def test_a_path_that_is_not_utf8_is_refused_at_once(tmp_path, capsys):
    file = write(tmp_path / "data", "csv")
    strange = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.csv")
    assert run_local.main(["--data", str(file), "--label", "bought", "--out", strange]) == 2
    assert init_config.main([shutil.copy(file, strange), "--label", "bought"]) == 2
    assert predict.main(["--model", str(tmp_path), "--data", str(file), "--to", strange]) == 2
    assert capsys.readouterr().err.count("is not UTF-8. Rename the file or its folder.") == 3


@pytest.mark.parametrize("name", NAMES)
def test_the_history_is_read_where_it_is(tmp_path, name):
    folder = RunFolder(tmp_path / name)
    folder.make()
    with sqlite3.connect(folder.metadata) as store:
        store.execute("CREATE TABLE Execution (id INTEGER, last_known_state INTEGER)")
        store.execute("INSERT INTO Execution VALUES (7, ?)", (COMPLETE,))
    assert History(folder.metadata, "p").finished() == {7}
    assert sorted(path.name for path in tmp_path.iterdir()) == [name], "no stray file"


def test_examples_are_converted_and_back(tmp_path):
    folder = tmp_path / "n=5 [v2] #?*"
    with examples.SplitWriter(
        str(folder / "Split-train/part-00000.parquet"), examples.arrow_schema({"n": "int"})
    ) as to:
        to.write(pa.table({"n": pa.array([[1], [2]], pa.large_list(pa.int64()))}))
    assert conversion.write(str(folder), str(folder / "a"), ["train"]) == {"train": 2}
    assert conversion.read(str(folder / "a"), str(folder / "b"), ["train"]) == {"train": 2}
