import pathlib

import pytest
import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.types import standard_artifacts

from components.schema_gen import curated_schema
from components.schema_gen.component import SchemaGen
from core.errors import UserError
from core.spec import Feature, Label, Spec
from tests.components import data_stages

COLUMNS = {"age": "int", "fare": "float", "town": "text", "zone": "int", "hours": "int", "late": "text", "day": "int"}
SPEC = Spec(
    Label("late", "binary", "text", ("no", "yes")),
    (
        Feature("age", "numeric", "int"),
        Feature("fare", "numeric", "float"),
        Feature("town", "categorical", "text"),
        Feature("zone", "categorical", "int"),
        Feature("hours", "numeric", "int", repeated=True),
    ),
)
TRAIN = {
    "age": [20, 30, 40],
    "fare": [1.0, None, 3.0],
    "town": ["Bern", "Rom", "Bern"],
    "zone": [7, 8, 7],
    "hours": [[1, 2], [3], None],
    "late": ["no", "yes", "no"],
    "day": [1, 2, 3],
}
EVAL = {**TRAIN, "age": [20, None, 40], "town": ["Bern", "Paris", "Rom"]}


@pytest.fixture(scope="module")
def statistics(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    made = data_stages.write_examples(folder / "examples", COLUMNS, {"train": TRAIN, "eval": EVAL})
    return data_stages.make_statistics(made, SPEC, folder / "statistics")


def run(statistics, folder, **properties):
    schema = data_stages.artifact(standard_artifacts.Schema, folder)
    data_stages.run(SchemaGen, {"statistics": statistics}, {"schema": schema}, spec=SPEC.to_json(), **properties)
    return schema, tfdv.load_schema_text(str(folder / "schema.pbtxt"))


@pytest.fixture(scope="module")
def inferred(statistics, tmp_path_factory):
    return run(statistics, tmp_path_factory.mktemp("inferred"))[1]


def test_inferred_schema_fits_every_split(statistics, inferred):
    fields = {feature.name: feature for feature in inferred.feature}
    assert list(fields) == list(COLUMNS)
    assert not any(feature.HasField("shape") for feature in inferred.feature)
    assert fields["age"].presence.min_fraction < 1, "it is missing in eval"
    assert set(tfdv.get_domain(inferred, "town").value) == {"Bern", "Rom", "Paris"}
    for split in ("train", "eval"):
        anomalies = tfdv.validate_statistics(
            data_stages.read_statistics(statistics, split), inferred, environment="TRAINING"
        )
        assert not anomalies.anomaly_info


def test_inferred_schema_knows_the_roles(inferred):
    fields = {feature.name: feature for feature in inferred.feature}
    assert fields["zone"].int_domain.is_categorical
    assert not fields["age"].HasField("int_domain")
    assert fields["town"].distribution_constraints.min_domain_mass == 0.95
    assert {domain.name for domain in inferred.string_domain} == {"town"}


def test_label_is_required_and_not_served(inferred):
    label = {feature.name: feature for feature in inferred.feature}["late"]
    assert (label.presence.min_fraction, list(label.string_domain.value)) == (1, ["no", "yes"])
    assert list(inferred.default_environment) == ["TRAINING", "SERVING"]
    absent = [feature.name for feature in inferred.feature if "SERVING" in feature.not_in_environment]
    assert absent == ["late", "day"]


def curate(path: pathlib.Path, inferred, change=lambda schema: None) -> str:
    schema = schema_pb2.Schema()
    schema.CopyFrom(inferred)
    change(schema)
    path.write_text("# ours\n" + text_format.MessageToString(schema))
    return str(path)


def drop(name):
    def change(schema):
        kept = [feature for feature in schema.feature if feature.name != name]
        del schema.feature[:]
        schema.feature.extend(kept)

    return change


def test_curated_schema_wins(statistics, inferred, tmp_path):
    def change(schema):
        drop("day")(schema)
        schema.feature[0].int_domain.CopyFrom(schema_pb2.IntDomain(min=0, max=150))
        schema.feature[0].ClearField("value_count")
        schema.feature[0].shape.dim.add(size=1)
        schema.feature.add(name="gone", type=schema_pb2.INT)

    artifact, schema = run(statistics, tmp_path, schema_file=curate(tmp_path / "curated", inferred, change))
    (tmp_path / "curated").unlink()
    age = schema.feature[0]
    assert (age.name, age.int_domain.max) == ("age", 150)
    assert (age.HasField("shape"), age.value_count.max) == (False, 1), "Transform reads every column as a list"
    assert [feature.name for feature in schema.feature][-1] == "day", "a column to slice by is taken as inferred"
    assert artifact.get_string_custom_property("finding") == "curated by curated, 7 fields, 1 of the file not used"


def test_curated_schema_that_does_not_fit_names_the_fields(statistics, inferred, tmp_path):
    def change(schema):
        {feature.name: feature for feature in schema.feature}["fare"].name = "fares"
        {feature.name: feature for feature in schema.feature}["zone"].type = schema_pb2.BYTES

    path = curate(tmp_path / "curated.pbtxt", inferred, change)
    with pytest.raises(UserError) as error:
        run(statistics, tmp_path / "out", schema_file=path)
    assert "'fare' is missing (did you mean 'fares'?)" in str(error.value)
    assert "'zone' has type BYTES, and the data has INT" in str(error.value)
    assert path in str(error.value)


@pytest.mark.parametrize(
    ("text", "expected"), [("feature { nam: 'x' }", "line:column 1:11"), (None, "Cannot read the schema file")]
)
def test_unreadable_schema_file(tmp_path, text, expected):
    path = tmp_path / "schema.pbtxt"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=expected):
        curated_schema.parse(str(path))


def test_update_makes_the_file(statistics, inferred, tmp_path):
    path = tmp_path / "new.pbtxt"
    summary = curated_schema.update(str(path), statistics.uri, ["train", "eval"], SPEC)
    assert summary == f"Wrote {path} with 7 fields. Review it: later data must fit it."
    assert curated_schema.parse(str(path)) == inferred
    assert list(tmp_path.iterdir()) == [path]
    (tmp_path / "other").touch()
    assert path.stat().st_mode == (tmp_path / "other").stat().st_mode, "others may review it as they may any file"


def test_update_keeps_what_was_edited(statistics, inferred, tmp_path):
    def change(schema):
        drop("town")(schema)
        del schema.string_domain[:]
        schema.feature[0].int_domain.CopyFrom(schema_pb2.IntDomain(min=0, max=150))
        schema.feature.add(name="gone", type=schema_pb2.INT)
        {feature.name: feature for feature in schema.feature}["fare"].type = schema_pb2.INT

    path = curate(tmp_path / "curated.pbtxt", inferred, change)
    before = pathlib.Path(path).read_text()
    summary = curated_schema.update(path, statistics.uri, ["train", "eval"], SPEC)
    assert pathlib.Path(path).read_text().startswith(before), "comments and edits stay"
    schema = curated_schema.parse(path)
    assert schema.feature[0].int_domain.max == 150
    assert set(tfdv.get_domain(schema, "town").value) == {"Bern", "Rom", "Paris"}
    assert summary.splitlines() == [
        f"{path}: 1 field added: town",
        "in the file and not in the data, kept: gone",
        "fare: INT in the file, kept, and FLOAT in the data: one of them has to change",
    ]


def test_update_without_news_leaves_the_file(statistics, inferred, tmp_path):
    path = curate(tmp_path / "curated.pbtxt", inferred)
    assert curated_schema.update(path, statistics.uri, ["train"], SPEC) == f"{path}: no field added"
    assert pathlib.Path(path).read_text().startswith("# ours")
