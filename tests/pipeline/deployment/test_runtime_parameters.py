"""Runtime parameters reach the JSON of a stage."""

import json

from pipeline.deployment.runtime_parameters import PARAMETERS, applied
from pipeline.graph import BY_NAME


def test_a_value_is_put_at_its_path_through_texts_of_json():
    config = {"train": json.dumps({"epochs": 30, "seed": 1}), "spec": json.dumps({"family": "mlp"})}
    found = applied(
        {
            "custom_config": json.dumps(config),
            "custom_config__train__epochs": 5.0,
            "custom_config__spec__family": "linear",
            "run_fn": "models.training.run_fn.run_fn",
        }
    )
    assert found.keys() == {"custom_config", "run_fn"}
    inner = {name: json.loads(text) for name, text in json.loads(found["custom_config"]).items()}
    assert inner == {"train": {"epochs": 5, "seed": 1}, "spec": {"family": "linear"}}


def test_several_files_are_a_list_in_json():
    source = json.dumps({"data": {"files": ["a.csv"]}})
    one = applied({"source": source, "source__data__files": "s3://b/*.csv"})
    assert json.loads(one["source"]) == {"data": {"files": "s3://b/*.csv"}}
    two = applied({"source": source, "source__data__files": '["s3://b/a.csv", "s3://b/c.csv"]'})
    assert json.loads(two["source"]) == {"data": {"files": ["s3://b/a.csv", "s3://b/c.csv"]}}


def test_parameters_go_to_stages_of_the_graph():
    assert {stage for parameter in PARAMETERS for stage in parameter.properties} <= BY_NAME.keys()
