"""What a compiled pipeline is given in place of paths of this machine."""

import pytest

from core.errors import UserError
from pipeline.config import settings
from pipeline.deployment import context
from pipeline.deployment.runtime_parameters import PARAMETERS
from pipeline.profile import resolution
from tests.pipeline.deployment.compiled import load, table

pytestmark = pytest.mark.slow

DATA_FILES = PARAMETERS[0]


def test_data_of_this_machine_have_to_be_named_when_a_run_starts(tmp_path):
    made, warnings = context.make(load(table(tmp_path)), "s3://b/r")
    assert DATA_FILES.default(made) is None
    assert "data_files has no default" in warnings[-1]
    assert str(tmp_path) not in made.source.to_json()
    assert [column.name for column in made.source.columns] == ["fare", "zone", "tip"]


def test_data_of_a_package_are_found_in_the_container():
    given = settings.load(context.ROOT / "pipeline" / "datasets" / "taxi.yaml")
    made, warnings = context.make(given, "s3://b/r")
    assert DATA_FILES.default(made) == "package:tfx/examples/chicago_taxi_pipeline/data/simple/data.csv"
    assert made.source.data.files == (DATA_FILES.default(made),)
    assert not [warning for warning in warnings if "data_files" in warning]


def test_folders_are_those_of_the_serving_folder(tmp_path):
    given = load(table(tmp_path))
    made, _ = context.make(given, "s3://b/r")
    assert made.serving() == made.champion() == made.previous_statistics() == "s3://b/r/trips/serving"
    named, _ = context.make(load(table(tmp_path), "deploy.serving_folder=gs://models/trips"), "s3://b/r")
    assert named.serving() == "gs://models/trips"


def test_a_resolved_configuration_is_compiled_without_its_data(tmp_path):
    csv = table(tmp_path)
    resolved = resolution.resolve(load(csv))
    settings.write(resolved.settings, tmp_path / "config.yaml")
    csv.unlink()
    elsewhere = settings.load(tmp_path / "config.yaml", sets=["data.files=s3://data/trips-*.csv"])
    made, _ = context.make(elsewhere, "s3://b/r")
    assert made.spec == resolved.spec
    assert DATA_FILES.default(made) == "s3://data/trips-*.csv"
    assert made.source.data.query == 'SELECT * FROM data WHERE "tip" IS NOT NULL'


def test_text_classes_are_told_from_numbers(tmp_path):
    csv = tmp_path / "codes.csv"
    csv.write_text("a,y\n" + "".join(f"{row * 37 % 101},{'007' if row % 2 else 'x'}\n" for row in range(400)))
    resolved = resolution.resolve(settings.load(files=str(csv), label="y"))
    settings.write(resolved.settings, tmp_path / "config.yaml")
    made, _ = context.make(settings.load(tmp_path / "config.yaml"), "s3://b/r")
    assert made.spec.label == resolved.spec.label


def test_files_that_containers_do_not_have_are_refused(tmp_path):
    csv, zones = table(tmp_path), tmp_path / "zones.csv"
    zones.write_text("zone,size\nnorth,1\nsouth,2\n")
    query = f"SELECT data.* FROM data JOIN '{zones}' USING (zone)"
    with pytest.raises(UserError, match=r"data\.query reads .*zones\.csv, where containers do not find it"):
        context.make(load(csv, f"data.query={query}"), "s3://b/r")
    schema = tmp_path / "trips.schema.pbtxt"
    schema.write_text("")
    with pytest.raises(UserError, match=r"schema_file: .*is on this machine"):
        context.make(load(csv, f"schema_file={schema}"), "s3://b/r")
