import json
import pathlib

import pytest
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2
from tfx.components.schema_gen import executor as stock_schema_gen
from tfx.types import standard_artifacts
from tfx.utils import io_utils

from components.example_validator import anomalies, split_overlap
from components.example_validator.component import ExampleValidator
from components.schema_gen.inferred_schema import infer
from core import examples
from core.config.sections import Limits, Validate
from core.errors import GateError
from core.spec import Feature, Label, Spec
from models.serving import model_versions
from tests.components import data_stages

COLUMNS = {"age": "int", "town": "text", "late": "int"}
SPEC = Spec(
    Label("late", "binary", "int", ("0", "1")),
    (Feature("age", "numeric", "int"), Feature("town", "categorical", "text")),
)
TRAIN = {"age": list(range(20, 40)), "town": ["Bern", "Rom"] * 10, "late": [0, 1] * 10}
# Row 0 is row 3 of train with another label; rows 1 and 2 differ from train's in one value; the town of row 3 is rare.
TEST = {"age": [23, 23, 99, 50], "town": ["Rom", "Bern", "Rom", "Oslo"], "late": [0, 1, 0, 1]}


@pytest.fixture(scope="module")
def stages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    made = data_stages.write_examples(folder / "examples", COLUMNS, {"train": TRAIN, "test": TEST}, rows_in_file=7)
    made.span = 3
    return {"examples": made, "statistics": data_stages.make_statistics(made, SPEC, folder / "statistics")}


def write_schema(stages, folder, change=lambda schema: None):
    statistics = [data_stages.read_statistics(stages["statistics"], split) for split in ("train", "test")]
    schema = infer(statistics, SPEC)
    change(schema)
    artifact = data_stages.artifact(standard_artifacts.Schema, folder)
    io_utils.write_pbtxt_file(str(folder / "schema.pbtxt"), schema)
    return artifact


def run(stages, folder, schema=None, previous="", **limits):
    schema = schema or write_schema(stages, folder / "schema")
    made = data_stages.artifact(standard_artifacts.ExampleAnomalies, folder / "anomalies")
    parameters = {
        "spec": SPEC.to_json(),
        "validate": Validate.model_validate(limits).model_dump_json(),
        "previous_statistics": previous,
    }
    inputs = {**stages, "schema": schema}
    (published,) = data_stages.run(ExampleValidator, inputs, {"anomalies": made}, **parameters)
    return published


def read(made, split):
    path = pathlib.Path(made.uri, f"Split-{split}", "SchemaDiff.pb")
    return anomalies_pb2.Anomalies.FromString(path.read_bytes())


def test_healthy_data_pass_and_shared_rows_are_counted(stages, tmp_path):
    made = run(stages, tmp_path)
    assert not read(made, "test").anomaly_info
    assert made.get_string_custom_property("finding") == "no anomalies · in train too: 1 of 4 test rows"
    assert json.loads(made.get_string_custom_property("report"))["overlap"] == {"test": 1}
    assert made.split_names == '["train", "test"]'
    assert made.span == stages["statistics"].span == 3
    assert made.get_json_value_custom_property("blessed") == {"train": 1, "test": 1}


def test_distances_are_measured_without_a_limit(stages, tmp_path):
    measured = {info.path.step[0]: info for info in read(run(stages, tmp_path), "test").drift_skew_info}
    (town,) = measured["town"].skew_measurements
    assert town.value == pytest.approx(0.25), "Oslo has a quarter of test and nothing of train"
    assert 0 < measured["age"].skew_measurements[0].value <= 1


def test_disjoint_numbers_pass_without_a_limit():
    """Their divergence is 1, and with so many rows it may come out as 1 + 2e-16."""
    import pandas as pd
    import tensorflow_data_validation as tfdv

    train, later = (
        tfdv.generate_statistics_from_dataframe(pd.DataFrame({"age": [start + float(row) for row in range(rows)]}))
        for start, rows in ((0, 391), (1000, 260))
    )
    schema = schema_pb2.Schema(feature=[schema_pb2.Feature(name="age", type=schema_pb2.FLOAT)])
    found = anomalies.validate(later, schema, SPEC, train=(train, Limits()))
    (measured,) = found.drift_skew_info[0].skew_measurements
    assert measured.value == pytest.approx(1)
    assert not found.anomaly_info


def test_skew_above_its_limit_stops(stages, tmp_path):
    with pytest.raises(GateError) as error:
        run(stages, tmp_path, skew={"default": 0.2, "features": {"age": None}})
    assert "test: 'town': the L-infinity distance to train is 0.250, and at most 0.2 is allowed" in str(error.value)
    assert "1 anomaly" in str(error.value)
    assert "'age'" not in str(error.value)


def test_drift_above_its_limit_stops(stages, tmp_path):
    before = {"train": {**TRAIN, "town": ["Bern"] * 20}}
    made = data_stages.write_examples(tmp_path / "before", COLUMNS, before)
    previous = data_stages.make_statistics(made, SPEC, tmp_path / "previous")
    with pytest.raises(
        GateError, match=r"train: 'town': the L-infinity distance to the earlier data is 0\.500, and at"
    ):
        run(stages, tmp_path, previous=previous.uri, drift={"features": {"town": 0.4}})
    run(stages, tmp_path / "again", previous=previous.uri, drift={"features": {"town": 0.6}})


def test_drift_is_measured_from_the_statistics_of_the_served_model(stages, tmp_path):
    """As the Pusher leaves them in a version, with the splits that it had."""
    made = data_stages.write_examples(tmp_path / "before", COLUMNS, {"train": {**TRAIN, "town": ["Bern"] * 20}})
    statistics = data_stages.make_statistics(made, SPEC, tmp_path / "previous")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "saved_model.pb").touch()
    file = pathlib.Path(statistics.uri, "Split-train", "FeatureStats.pb")
    extra = {
        model_versions.METADATA_FILE: b'{"fingerprints": {"StatisticsGen": "before"}}',
        f"{model_versions.STATISTICS_FOLDER}/Split-train/FeatureStats.pb": file.read_bytes(),
    }
    model_versions.push(tmp_path / "model", tmp_path / "serving", extra)
    previous = model_versions.previous_statistics(tmp_path / "serving", "now")
    found = run(stages, tmp_path, previous=str(previous))
    measured = {info.path.step[0]: info for info in read(found, "train").drift_skew_info}
    assert measured["town"].drift_measurements[0].value == pytest.approx(0.5)
    assert not any(info.drift_measurements for info in read(found, "test").drift_skew_info)


def test_breaks_of_a_curated_schema_stop(stages, tmp_path):
    def change(schema):
        fields = {field.name: field for field in schema.feature}
        fields["age"].int_domain.CopyFrom(schema_pb2.IntDomain(min=0, max=60))
        schema.feature.add(name="fare", type=schema_pb2.FLOAT).presence.min_fraction = 1
        fields["town"].type = schema_pb2.INT
        fields["town"].ClearField("domain")
        fields["town"].ClearField("distribution_constraints")

    with pytest.raises(GateError) as error:
        run(stages, tmp_path, write_schema(stages, tmp_path / "schema", change))
    lines = str(error.value).splitlines()
    assert lines[0] == "The data did not pass validation: 5 anomalies."
    assert any(line.startswith("  test: 'age': Out-of-range values.") and "99" in line for line in lines)
    assert any(line.startswith("  train: 'fare': Column dropped.") for line in lines)
    assert any(line.startswith("  train: 'town': Unexpected data type") for line in lines)
    assert lines[-1].startswith("Repair the data; or,")


def test_shared_rows_above_the_limit_are_named(stages, tmp_path):
    with pytest.raises(GateError) as error:
        run(stages, tmp_path, max_leaked_rows=0.1)
    assert (
        "test: 1 of 4 rows (25.00%) have the same features as a row of train, and at most 10.00% is allowed: "
        "row 0 is row 3 of train (age=23, town=Rom)"
    ) in str(error.value)
    run(stages, tmp_path / "again", max_leaked_rows=0.25)


def test_columns_validated_apart_give_the_same(stages, tmp_path, monkeypatch):
    statistics = [data_stages.read_statistics(stages["statistics"], split) for split in ("train", "test")]
    schema = infer(statistics[:1], SPEC)
    schema.feature.add(name="fare", type=schema_pb2.FLOAT).presence.min_fraction = 1
    {field.name: field for field in schema.feature}["age"].int_domain.max = 60
    at_once = anomalies.validate(statistics[1], schema, SPEC, (statistics[0], Limits(default=0.1)))
    monkeypatch.setattr(anomalies, "_TOGETHER", 1)
    apart = anomalies.validate(statistics[1], schema, SPEC, (statistics[0], Limits(default=0.1)))
    assert set(at_once.anomaly_info) == {"age", "town", "fare"}
    for found in (at_once, apart):
        found.drift_skew_info.sort(key=lambda info: info.path.step[0])
    assert apart == at_once


def test_an_anomaly_among_many_is_shown_and_counted():
    text = anomalies.explain([f"train: {number}" for number in range(30)])
    assert text.count("train: ") == 20
    assert "30 anomalies" in text
    assert "and 10 more" in text


def test_stock_statistics_and_schema_pass(stages, tmp_path):
    schema = data_stages.artifact(standard_artifacts.Schema, tmp_path / "schema")
    data_stages.run(stock_schema_gen.Executor, {"statistics": stages["statistics"]}, {"schema": schema})
    run(stages, tmp_path, schema)


def test_rows_equal_in_value_have_equal_hashes(tmp_path):
    columns = {"x": "float", "name": "text", "tags": "text"}
    rows = {
        "x": [1.0, 1.0, None, float("nan"), 0.0, -0.0],
        "name": ["a", "a", "", "", None, None],
        "tags": [["a", "b"], ["b", "a"], None, None, [], []],
    }
    data_stages.write_examples(tmp_path, columns, {"train": rows})
    (row_group,) = examples.row_groups(str(tmp_path / "Split-train"))
    hashes = split_overlap.row_hashes(examples.read(row_group))
    assert len(set(hashes)) == 5, "only 0 and -0 are equal"
    assert hashes[4] == hashes[5]
