"""The description of a custom job as TFX's executors read it."""

import importlib
import json

import pytest

pytestmark = pytest.mark.slow  # the extension takes seconds to import


def test_tfx_finds_the_job_in_the_custom_config():
    from tfx.utils import json_utils

    from components.base import custom_job

    job_spec = {"worker_pool_specs": [{"machine_spec": {"machine_type": "n1-standard-8"}, "replica_count": 1}]}
    job = {"project": "a-project", "region": "europe-west4", "job_spec": job_spec}
    properties = {"custom_config": json_utils.dumps({"spec": "{}"}), "custom_job": json.dumps(job), "run_fn": "a.b"}
    found = custom_job.arguments(properties)
    assert found.keys() == {"custom_config", "run_fn"}
    assert json_utils.loads(found["custom_config"]) == {
        "spec": "{}",
        "ai_platform_training_args": {"project": "a-project", "job_spec": job_spec},
        "ai_platform_enable_vertex": True,
        "ai_platform_vertex_region": "europe-west4",
    }


@pytest.mark.parametrize("stage", ["trainer", "tuner"])
def test_the_job_runs_the_executor_of_the_stage(stage):
    job = importlib.import_module(f"components.{stage}.custom_job")
    component = importlib.import_module(f"components.{stage}.component")
    assert job.Executor._GetExecutorClass(job.Executor) is component.Executor
