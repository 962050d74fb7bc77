"""Tests the arguments of Beam that are made from the configuration."""

import pytest

from components.base import beam_options
from core.config.deployment import Beam
from core.errors import UserError

DATAFLOW = {
    "project": "my-project",
    "region": "europe-west1",
    "temp_location": "gs://bucket/temp",
    "sdk_container_image": "registry.example.com/skewless:1.0",
}
POOL = {"environment_type": "EXTERNAL", "environment_config": "localhost:50000"}


def test_the_default_is_beams_local_runner():
    assert beam_options.arguments(Beam()) == ["--runner=FnApiRunner", "--worker_harness_container_image=none"]


def test_several_local_workers_are_processes():
    options = {"direct_num_workers": 2}
    assert "--direct_running_mode=multi_processing" in beam_options.arguments(Beam(options=options))
    threads = beam_options.arguments(Beam(options=options | {"direct_running_mode": "multi_threading"}))
    assert [argument for argument in threads if "mode" in argument][-1] == "--direct_running_mode=multi_threading"


def test_values_are_written_as_beam_reads_them():
    options = {"experiments": ["a", "b"], "parallelism": 2, "save_main_session": True, "streaming": False}
    assert beam_options.arguments(Beam(runner="flink", options=options)) == [
        "--runner=FlinkRunner",
        "--experiments=a",
        "--experiments=b",
        "--parallelism=2",
        "--save_main_session",
        "--worker_harness_container_image=none",
    ]


@pytest.mark.parametrize(
    ("runner", "options"),
    [
        ("flink", {}),
        ("flink", {"flink_master": "localhost:8081", **POOL}),
        ("flink", {"an_option_of_the_job_server": 1}),
        ("spark", {"spark_master_url": "local[2]"}),
        ("prism", {"prism_log_level": "warn"}),
        ("dataflow", DATAFLOW | {"max_num_workers": 20, "no_use_public_ips": True}),
    ],
)
def test_options_that_an_engine_takes(runner, options):
    assert beam_options.arguments(Beam(runner=runner, options=options))


@pytest.mark.parametrize(
    ("runner", "options", "reason"),
    [
        ("local", {"direct_num_workers": "many"}, "argument --direct_num_workers: invalid int value: 'many'. Correct"),
        ("local", {"direct_running_mode": "fast"}, "argument --direct_running_mode: invalid choice: 'fast'"),
        (
            "local",
            {"direct_num_worker": 2},
            "no option 'direct_num_worker'. Did you mean 'direct_num_workers'[?] Correct",
        ),
        ("flink", {"environment_type": "EXTERNAL"}, "external_service_address is required"),
        ("flink", {"flink_master": "localhost:8081"}, "the workers need the project's code. Give environment_type"),
        ("spark", {"spark_master_url": "spark://host:7077"}, "the workers need the project's code"),
        ("dataflow", {}, "Missing GCS path option: temp_location"),
        ("dataflow", DATAFLOW | {"temp_location": "/tmp"}, r"Invalid GCS path \(/tmp\)"),
        ("dataflow", DATAFLOW | {"project": "My project"}, r"Invalid Project ID \(My project\)"),
        ("dataflow", DATAFLOW | {"region": ""}, "Missing required option: region"),
        ("dataflow", DATAFLOW | {"sdk_container_image": ""}, "Give the image of the project as sdk_container_image"),
        ("dataflow", DATAFLOW | {"num_workers": "many"}, "argument --num_workers: invalid int value: 'many'"),
    ],
)
def test_an_option_that_the_engine_would_refuse_is_the_users_error(runner, options, reason, capsys):
    with pytest.raises(UserError, match=f"^beam: .*{reason}") as raised:
        beam_options.arguments(Beam(runner=runner, options=options))
    assert str(raised.value).endswith(" Correct the options under `beam:` in the configuration.")
    assert ".." not in str(raised.value)
    assert capsys.readouterr().err == ""
