"""ExampleGen inside of TFX and Beam: artifacts, splits, workers, spans, fingerprints, and stock components after it."""

import dataclasses
import itertools
import json
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow.parquet as pq
import pytest
from tfx import types
from tfx.components.example_gen.utils import FINGERPRINT_PROPERTY_NAME, SPAN_PROPERTY_NAME
from tfx.proto import range_config_pb2
from tfx.types import artifact_utils, standard_artifacts

import ingest
from components.example_gen import component as example_gen
from components.example_gen import driver
from components.tf_examples import conversion
from core import examples
from core.config.sections import Data
from core.errors import UserError
from core.spec import Feature, Label, Spec

IN_MEMORY = ("--runner=FnApiRunner",)
TWO_THREADS = ("--runner=FnApiRunner", "--direct_num_workers=2", "--direct_running_mode=multi_threading")
TWO_PROCESSES = ("--runner=FnApiRunner", "--direct_num_workers=2", "--direct_running_mode=multi_processing")
SPEC = Spec(Label("y", "binary", "int", ("0", "1")), (Feature("a", "numeric", "int"), Feature("b", "text", "text")))


def csv_file(folder: pathlib.Path, rows: Sequence[int] = range(300), name: str = "data.csv") -> str:
    lines = [f'{row},"text {row}\nof {row % 5}",{row % 2},2024-01-{1 + row // 20:02d},{"abc"[row % 3]}' for row in rows]
    (folder / name).write_text("a,b,y,day,group\n" + "\n".join(lines) + "\n")
    return str(folder / name)


def run(
    file: str,
    folder: pathlib.Path,
    split: Mapping[str, Any] | None = None,
    beam: Sequence[str] = IN_MEMORY,
    slice_columns: Sequence[str] = (),
    **read: Any,
) -> types.Artifact:
    """Runs the executor over a file and returns the artifact."""
    given_types = read.pop("types", None)
    source = ingest.discover(Data(files=(file,), **read), given_types)
    artifact = standard_artifacts.Examples()
    artifact.uri = str(folder / "examples")
    context = example_gen.Executor.Context(
        beam_pipeline_args=[*beam, "--worker_harness_container_image=none"], tmp_dir=str(folder), unique_id="1"
    )
    properties = {
        "source": source.to_json(),
        "spec": SPEC.to_json(),
        "split": json.dumps(split or {}),
        "slice_columns": json.dumps(slice_columns),
        driver.FILES_KEY: json.dumps(source.files),
    }
    example_gen.Executor(context).Do({}, {"examples": [artifact]}, properties)
    return artifact


def rows_of(artifact: types.Artifact) -> dict[str, list[tuple[Any, ...]]]:
    found = {}
    for split in artifact_utils.decode_split_names(artifact.split_names):
        groups = examples.row_groups(f"{artifact.uri}/Split-{split}")
        rows = [row for group in groups for row in examples.read(group).to_pylist()]
        found[split] = [tuple(value and value[0] for value in row.values()) for row in rows]
    return found


def test_the_artifact_is_as_stock_components_expect_it(tmp_path: pathlib.Path) -> None:
    artifact = run(csv_file(tmp_path), tmp_path, slice_columns=["group"])
    rows = rows_of(artifact)
    assert artifact.split_names == '["train", "eval", "test"]'
    assert artifact.get_string_custom_property("payload_format") == "FORMAT_PARQUET"
    assert artifact.get_string_custom_property("file_format") == "FILE_FORMAT_PARQUET"
    report = json.loads(artifact.get_string_custom_property("report"))
    assert report["rows"] == {split: len(split_rows) for split, split_rows in rows.items()}
    assert (report["read"], report["rejects"], report["left_out"]) == (300, 0, 0)
    assert sorted(row for split_rows in rows.values() for row in split_rows) == [
        (row, f"text {row}\nof {row % 5}".encode(), row % 2, "abc"[row % 3].encode()) for row in range(300)
    ]
    assert sorted(os.listdir(artifact.uri)) == ["Split-eval", "Split-test", "Split-train"]


@pytest.mark.slow
def test_several_workers_give_the_same_rows_in_the_same_splits(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one").mkdir()
    file = csv_file(tmp_path)
    by_time = {"by": "time", "column": "day", "fractions": {"train": 0.6, "eval": 0.2, "test": 0.2}}
    for split, workers in (({"by": "hash"}, TWO_PROCESSES), (by_time, TWO_THREADS)):
        one = run(file, tmp_path / "one", split)
        with monkeypatch.context() as patch:
            patch.setattr(example_gen, "_UNIT_BYTES", 1_500)
            two = run(file, tmp_path, split, workers)
        assert len(examples.files(f"{two.uri}/Split-train")) > 1
        assert rows_of(two) == rows_of(one)
    assert [len(each) for each in rows_of(one).values()] == [180, 60, 60]  # days are whole: 20 rows each
    newest = {split: max(row[0] for row in split_rows) for split, split_rows in rows_of(one).items()}
    assert newest["train"] < newest["eval"] < newest["test"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_error_of_another_process_is_the_users(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = csv_file(tmp_path)
    text = pathlib.Path(file).read_text()
    source_of = {"types": {"a": "BIGINT"}}
    monkeypatch.setattr(example_gen, "_UNIT_BYTES", 1_500)
    pathlib.Path(file).write_text(text + 'zz,"x",1,2024-01-01,a\n')
    with pytest.raises(UserError, match=r"^/.*data\.csv, line 602: column 'a' has the value 'zz'") as raised:
        run(file, tmp_path, None, TWO_PROCESSES, **source_of)
    assert "[while running" not in str(raised.value)
    assert not list((tmp_path / "examples").iterdir())


def test_bad_rows_are_put_aside_and_counted(tmp_path: pathlib.Path) -> None:
    file = csv_file(tmp_path)
    pathlib.Path(file).write_text(pathlib.Path(file).read_text() + "1,2\nzz,x,1,2024-01-01,a\n")
    artifact = run(file, tmp_path, on_bad_rows="quarantine", max_bad_rows=0.01)
    rejects = pq.read_table(f"{artifact.uri}/rejects.parquet").to_pylist()
    assert [(reject["line"], reject["text"]) for reject in rejects] == [(602, "1,2"), (603, "zz,x,1,2024-01-01,a")]
    assert json.loads(artifact.get_string_custom_property("report"))["rejects"] == 2
    assert artifact.get_string_custom_property("finding").endswith(" test rows · 2 put aside")
    with pytest.raises(UserError, match=r"2 of 302 rows cannot be read, more than the 0\.10% .*line 602: 5 columns"):
        run(file, tmp_path, on_bad_rows="quarantine")
    assert not list((tmp_path / "examples").iterdir())


def test_a_split_without_rows_is_an_error_and_nothing_is_left(tmp_path: pathlib.Path) -> None:
    split = {"fractions": {"train": 0.5, "eval": 0.4999, "test": 0.0001}}
    with pytest.raises(UserError, match="Split 'test' has no rows: 300 rows were split by hash of the row") as raised:
        run(csv_file(tmp_path), tmp_path, split)
    assert "`split: {fractions: {...}}`" in str(raised.value)
    assert not list((tmp_path / "examples").iterdir())


def test_a_split_that_is_far_off_is_worth_a_word(tmp_path: pathlib.Path) -> None:
    split = {"by": "group", "column": "group", "seed": 1, "fractions": {"train": 0.5, "eval": 0.25, "test": 0.25}}
    query = 'SELECT * REPLACE (CASE WHEN a < 200 THEN \'a\' ELSE "group" || a % 50 END AS "group") FROM data'
    report = json.loads(run(csv_file(tmp_path), tmp_path, split, query=query).get_string_custom_property("report"))
    assert any("were asked for" in warning for warning in report["warnings"])


def test_a_given_split_column(tmp_path: pathlib.Path) -> None:
    query = "SELECT *, CASE WHEN a < 100 THEN 'train' WHEN a < 150 THEN 'valid' ELSE 'test' END AS part FROM data"
    artifact = run(csv_file(tmp_path), tmp_path, {"by": "column", "column": "part"}, query=query)
    assert [len(rows) for rows in rows_of(artifact).values()] == [100, 50, 150]
    with pytest.raises(UserError, match="the split is by column 'group', which has the value 'a'"):
        run(csv_file(tmp_path), tmp_path, {"by": "column", "column": "group"})


@pytest.mark.slow
def test_a_full_disk_leaves_no_half_artifact(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pyarrow.parquet.ParquetWriter.write_table", full)
    with pytest.raises(UserError, match="The disk is full"):
        run(csv_file(tmp_path), tmp_path)
    assert not list((tmp_path / "examples").iterdir())


def resolve(component: example_gen.ExampleGen, metadata: Any = None) -> dict[str, Any]:
    """Returns the execution properties after the driver."""
    properties = dict(component.exec_properties)
    return component.DRIVER_CLASS(metadata).resolve_exec_properties(properties, None, None)


def test_the_fingerprint_is_of_the_content(tmp_path: pathlib.Path) -> None:
    file = csv_file(tmp_path)
    component = example_gen.ExampleGen(ingest.discover(Data(files=(file,))).to_json(), SPEC.to_json())
    first = resolve(component)
    assert json.loads(first[driver.FILES_KEY]) == [file]
    os.utime(file, (1, 1))
    assert resolve(component)[FINGERPRINT_PROPERTY_NAME] == first[FINGERPRINT_PROPERTY_NAME]
    pathlib.Path(file).write_text(pathlib.Path(file).read_text().replace("text 7", "text 8"))
    assert resolve(component)[FINGERPRINT_PROPERTY_NAME] != first[FINGERPRINT_PROPERTY_NAME]


def test_the_fingerprint_is_of_joined_files_too(tmp_path: pathlib.Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("a,z\n1,2\n")
    query = f"SELECT data.* FROM data LEFT JOIN '{other}' USING (a)"
    source = ingest.discover(Data(files=(csv_file(tmp_path),), query=query))
    component = example_gen.ExampleGen(source.to_json(), SPEC.to_json())
    first = resolve(component)[FINGERPRINT_PROPERTY_NAME]
    other.write_text("a,z\n1,3\n")
    assert resolve(component)[FINGERPRINT_PROPERTY_NAME] != first


def test_spans_versions_and_ranges(tmp_path: pathlib.Path) -> None:
    for span in ("1/v1", "2/v1", "4/v1", "4/v2"):
        (tmp_path / span).mkdir(parents=True)
        csv_file(tmp_path / span)
    source = ingest.discover(Data(files=(str(tmp_path / "{SPAN}/v{VERSION}/*.csv"),)))
    assert source.files == (str(tmp_path / "4/v2/data.csv"),)

    def files(**ranges: Any) -> tuple[list[str], int]:
        config = range_config_pb2.RangeConfig(**ranges) if ranges else None
        resolved = resolve(example_gen.ExampleGen(source.to_json(), SPEC.to_json(), range_config=config))
        paths = [os.path.relpath(path, tmp_path) for path in json.loads(resolved[driver.FILES_KEY])]
        return paths, resolved[SPAN_PROPERTY_NAME]

    assert files() == (["4/v2/data.csv"], 4)
    static = range_config_pb2.StaticRange(start_span_number=2, end_span_number=2)
    assert files(static_range=static) == (["2/v1/data.csv"], 2)
    rolling = range_config_pb2.RollingRange(num_spans=3)
    assert files(rolling_range=rolling) == (["2/v1/data.csv", "4/v2/data.csv"], 4)


def test_several_patterns_are_one_table(tmp_path: pathlib.Path) -> None:
    for name in ("x/1.csv", "x/2.csv", "y.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        csv_file(tmp_path, name=name)
    patterns = [str(tmp_path / "x/*.csv"), str(tmp_path / "y.csv")]
    resolved = resolve(example_gen.ExampleGen(ingest.discover(Data(files=tuple(patterns))).to_json(), SPEC.to_json()))
    assert json.loads(resolved[driver.FILES_KEY]) == [
        *(str(tmp_path / name) for name in ("x/1.csv", "x/2.csv", "y.csv"))
    ]


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        *itertools.product(["[v2]", "n=5 #1"], ["span-{SPAN}/*.csv", "**/*.csv", "span-1/data.csv"]),
        *itertools.product(["a*b ?", "a\\b"], ["**/*.csv", "span-1/data.csv"]),
    ],
)
def test_folders_whose_names_have_signs_of_globs(tmp_path: pathlib.Path, name: str, pattern: str) -> None:
    (tmp_path / name / "span-1").mkdir(parents=True)
    file = csv_file(tmp_path / name / "span-1")
    source = ingest.discover(Data(files=(f"{tmp_path}/{name}/{pattern}",)))
    resolved = resolve(example_gen.ExampleGen(source.to_json(), SPEC.to_json()))
    assert (source.files, json.loads(resolved[driver.FILES_KEY])) == ((file,), [file])


@pytest.mark.slow
def test_stock_components_read_both_payloads(tmp_path: pathlib.Path) -> None:
    from tensorflow_metadata.proto.v0 import statistics_pb2
    from tfx.components.statistics_gen.executor import Executor as StockStatisticsGen

    ours = run(csv_file(tmp_path), tmp_path)
    copy = standard_artifacts.Examples()
    copy.uri = str(tmp_path / "tf_examples")
    conversion.write_artifact(ours, copy)
    for artifact in (ours, copy):
        statistics = standard_artifacts.ExampleStatistics()
        statistics.uri = f"{artifact.uri}_statistics"
        context = StockStatisticsGen.Context(
            beam_pipeline_args=[*IN_MEMORY, "--worker_harness_container_image=none"],
            tmp_dir=str(tmp_path),
            unique_id="2",
        )
        StockStatisticsGen(context).Do({"examples": [artifact]}, {"statistics": [statistics]}, {"exclude_splits": "[]"})
        for split, rows in rows_of(ours).items():
            found = statistics_pb2.DatasetFeatureStatisticsList.FromString(
                pathlib.Path(f"{statistics.uri}/Split-{split}/FeatureStats.pb").read_bytes()
            )
            (a,) = (feature for feature in found.datasets[0].features if feature.path.step[0] == "a")
            assert found.datasets[0].num_examples == len(rows)
            assert a.num_stats.mean == pytest.approx(sum(row[0] for row in rows) / len(rows))
    source = ingest.discover(Data(files=(f"{copy.uri}/Split-test/*.gz",)))
    connection = ingest.connect()
    with ingest.reading(source):
        assert ingest.relation(connection, source).fetchall() == [
            (row[0], row[1].decode(), row[2]) for row in rows_of(ours)["test"]
        ]


def test_a_spec_with_a_weight_and_lists(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "data.jsonl"
    file.write_text("\n".join(json.dumps({"a": [row, 2], "b": "x", "y": row % 2, "w": 0.5}) for row in range(100)))
    spec = dataclasses.replace(SPEC, weight="w", features=(Feature("a", "numeric", "int", repeated=True),))
    encodings = example_gen.encodings_of(spec)
    assert {name: (encoding.payload, encoding.repeated) for name, encoding in encodings.items()} == {
        "a": ("int", True),
        "y": ("int", False),
        "w": ("float", False),
    }
