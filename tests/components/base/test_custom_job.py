"""The description of a custom job as TFX's executors read it."""

import json

import pytest

pytestmark = pytest.mark.slow  # the extension takes seconds to import


def test_tfx_finds_the_job_in_the_custom_config():
    from tfx.extensions.google_cloud_ai_platform.trainer import executor as stock
    from tfx.utils import json_utils

    from components.base import custom_job
    from components.trainer.component import Executor
    from components.trainer.custom_job import Executor as JobExecutor

    job_spec = {"worker_pool_specs": [{"machine_spec": {"machine_type": "n1-standard-8"}, "replica_count": 1}]}
    job = {"project": "a-project", "region": "europe-west4", "job_spec": job_spec}
    properties = {"custom_config": json_utils.dumps({"spec": "{}"}), "custom_job": json.dumps(job), "run_fn": "a.b"}
    found = custom_job.arguments(properties, stock.TRAINING_ARGS_KEY)
    assert found.keys() == {"custom_config", "run_fn"}
    assert json_utils.loads(found["custom_config"]) == {
        "spec": "{}",
        "ai_platform_training_args": {"project": "a-project", "job_spec": job_spec},
        "ai_platform_enable_vertex": True,
        "ai_platform_vertex_region": "europe-west4",
    }
    assert JobExecutor._GetExecutorClass(None) is Executor
