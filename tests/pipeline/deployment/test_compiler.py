"""The compiled pipeline: its steps, its parameters, and what the loaders of the platforms make of it."""

import json
import pathlib
import re

import kfp.components
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import aiplatform

from core.errors import UserError
from pipeline.config import settings
from pipeline.deployment import command, compiler, stage_options
from pipeline.graph import STAGES
from tests.pipeline.deployment.compiled import VERTEX, compile_spec, container, load, table

pytestmark = pytest.mark.slow

ROOT = pathlib.Path(__file__).resolve().parents[3]
TAXI = ROOT / "pipeline" / "datasets" / "taxi.yaml"
TAXI_FILE = "package:tfx/examples/chicago_taxi_pipeline/data/simple/data.csv"


@pytest.fixture(scope="module")
def taxi():
    return compile_spec(settings.load(TAXI))


@pytest.fixture(scope="module")
def csv(tmp_path_factory):
    return table(tmp_path_factory.mktemp("data"))


def test_each_stage_is_a_step_with_the_same_dependencies(taxi):
    tasks = taxi["root"]["dag"]["tasks"]
    assert {name: set(task.get("dependentTasks", [])) for name, task in tasks.items()} == {
        stage.name: set(stage.upstream) for stage in STAGES
    }
    assert taxi["schemaVersion"] == "2.1.0"
    assert taxi["pipelineInfo"] == {"name": "taxi"}
    assert taxi["defaultPipelineRoot"] == "s3://bucket/runs"
    assert {kind for executor in taxi["deploymentSpec"]["executors"].values() for kind in executor} == {"container"}


def test_every_container_runs_the_stage_in_the_image(taxi):
    for stage in STAGES:
        found = container(taxi, stage.name)
        assert found["image"] == "registry/skewless:1"
        assert found["command"] == ["python", "-m", "pipeline.deployment.step"]
        assert found["env"][0] == {"name": "TF_USE_LEGACY_KERAS", "value": "0"}
        assert found["args"][:4:2] == ["--executor_class_path", "--json_serialized_invocation_args"]
        assert found["args"][3] == "{{$}}"
        assert "--runner=FnApiRunner" in found["args"]
        assert found.keys() == {"image", "command", "args", "env"}


def test_the_file_is_small_the_same_each_time_and_knows_no_path_of_this_machine(taxi):
    text = command.to_yaml([taxi])
    assert len(text.encode()) < 200_000
    assert text == command.to_yaml([compile_spec(settings.load(TAXI))])
    assert str(ROOT) not in text
    assert "site-packages" not in text
    assert not re.search(r"/(?:home|root|Users)/", text)


def test_a_person_can_change_what_a_run_reads_trains_and_serves(taxi):
    declared = taxi["root"]["inputDefinitions"]["parameters"]
    assert {name: (value["parameterType"], value["defaultValue"]) for name, value in declared.items()} == {
        "data_files": ("STRING", TAXI_FILE),
        "data_spans": ("NUMBER_INTEGER", 1),
        "model_family": ("STRING", "auto"),
        "tuning_trials": ("NUMBER_INTEGER", 4),
        "training_epochs": ("NUMBER_INTEGER", 60),
        "serving_folder": ("STRING", "s3://bucket/runs/taxi/serving"),
    }
    assert all(value["description"] for value in declared.values())
    given = {
        (stage, name): value["componentInputParameter"]
        for stage, task in taxi["root"]["dag"]["tasks"].items()
        for name, value in task["inputs"]["parameters"].items()
        if "componentInputParameter" in value
    }
    assert given["ExampleGen", "source__data__files"] == "data_files"
    assert given["ExampleGen", "source__data__spans"] == "data_spans"
    assert given["Trainer", "custom_config__train__epochs"] == "training_epochs"
    assert given["Tuner", "custom_config__tune__trials"] == "tuning_trials"
    assert given["Pusher", "push_destination"] == given["Evaluator", "champion"] == "serving_folder"
    assert not [stage for stage, _ in given if stage == "Baseline"]


def test_kubeflows_loader_and_vertex_take_the_file(taxi, tmp_path):
    file = tmp_path / "taxi.yaml"
    file.write_text(command.to_yaml([taxi]))
    loaded = kfp.components.load_component_from_file(str(file))
    assert loaded.name == "taxi"
    assert loaded.component_spec.inputs["training_epochs"].default == 60
    job = aiplatform.PipelineJob(
        "taxi",
        str(file),
        pipeline_root="gs://bucket/runs",
        parameter_values={"training_epochs": 2},
        credentials=AnonymousCredentials(),
        project="a-project",
        location="europe-west4",
    )
    assert job.to_dict()["runtimeConfig"]["parameterValues"] == {"training_epochs": 2.0}


def test_resources_retries_and_time_outs_are_those_of_the_stage(csv):
    spec = compile_spec(
        load(
            csv,
            "deploy.default={cpu: 2, retries: 1}",
            "deploy.stages.Trainer={memory: 16GB, accelerator: nvidia.com/gpu, timeout_minutes: 90, retries: 0}",
        )
    )
    found, other = container(spec, "Trainer"), container(spec, "ExampleGen")
    assert found["resources"] == {
        "cpuLimit": 2,
        "resourceCpuLimit": "2",
        "memoryLimit": 16.0,
        "resourceMemoryLimit": "16000000000",
        "accelerator": {
            "type": "nvidia.com/gpu",
            "resourceType": "nvidia.com/gpu",
            "count": "1",
            "resourceCount": "1",
        },
    }
    assert found["command"][:3] == ["timeout", "--kill-after=30", "5400"]
    assert other["resources"] == {"cpuLimit": 2, "resourceCpuLimit": "2"}
    tasks = spec["root"]["dag"]["tasks"]
    assert tasks["ExampleGen"]["retryPolicy"]["maxRetryCount"] == 1
    assert "retryPolicy" not in tasks["Trainer"]


def test_only_stages_that_read_nothing_from_outside_are_cached_unless_asked(csv):
    tasks = compile_spec(load(csv, "deploy.stages.Evaluator.cache=true"))["root"]["dag"]["tasks"]
    cached = {name for name, task in tasks.items() if task["cachingOptions"]["enableCache"]}
    assert cached == {stage.name for stage in STAGES} - {"ExampleGen", "ExampleValidator", "Pusher"}


def test_volumes_secrets_and_node_selectors_are_a_document_for_kubernetes(csv):
    sets = ("deploy.stages.Trainer.node_selector={pool: gpu}", "deploy.volumes={/data: trips}")
    given = load(csv, *sets, "deploy.secrets={s3: [AWS_SECRET_ACCESS_KEY]}")
    document = stage_options.kubernetes(compile_spec(given), given.deploy)
    executors = document["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    mounts = [{"mountPath": "/data", "pvcNameParameter": {"runtimeValue": {"constant": "trips"}}}]
    key = "AWS_SECRET_ACCESS_KEY"
    name = {"runtimeValue": {"constant": "s3"}}
    secrets = [{"secretNameParameter": name, "keyToEnv": [{"secretKey": key, "envVar": key}]}]
    assert executors["Trainer_executor"] == {
        "pvcMount": mounts,
        "secretAsEnv": secrets,
        "nodeSelector": {"labels": {"pool": "gpu"}},
    }
    assert {f"{stage.name}_executor" for stage in STAGES} == executors.keys()
    assert stage_options.kubernetes(compile_spec(load(csv)), load(csv).deploy) is None


@pytest.mark.parametrize(
    ("amount", "expected"), [("500MB", 500_000_000), ("2 GiB", 2_147_483_648), ("1.5TB", 1_500_000_000_000)]
)
def test_amounts_of_memory_are_bytes(amount, expected):
    assert stage_options.num_bytes(amount) == expected


def test_on_vertex_the_trainer_is_a_custom_job_where_that_is_asked_for(csv):
    job = "deploy.stages.Trainer={custom_job: n1-standard-8, accelerator: NVIDIA_TESLA_T4, timeout_minutes: 60}"
    spec = compile_spec(load(csv, job), VERTEX)
    found = container(spec, "Trainer")
    assert found["args"][1] == "components.trainer.custom_job.Executor"
    assert "accelerator" not in found.get("resources", {})
    given = spec["root"]["dag"]["tasks"]["Trainer"]["inputs"]["parameters"]["custom_job"]["runtimeValue"]["constant"]
    (pool,) = json.loads(given)["job_spec"]["worker_pool_specs"]
    assert pool["machine_spec"] == {
        "machine_type": "n1-standard-8",
        "accelerator_type": "NVIDIA_TESLA_T4",
        "accelerator_count": 1,
    }
    assert pool["container_spec"]["image_uri"] == "registry/skewless:1"
    assert json.loads(given)["job_spec"]["scheduling"] == {"timeout": "3600s"}
    assert (json.loads(given)["project"], json.loads(given)["region"]) == ("a-project", "europe-west4")
    assert container(compile_spec(load(csv, job)), "Trainer")["args"][1] == "components.trainer.component.Executor"


def test_custom_jobs_of_other_stages_are_refused(csv):
    with pytest.raises(UserError, match=r"Transform\.custom_job: TFX has custom jobs for Trainer, Tuner"):
        compile_spec(load(csv, "deploy.stages.Transform.custom_job=n1-standard-8"), VERTEX)


def test_an_endpoint_gets_a_stage_of_its_own(csv):
    spec = compile_spec(load(csv, "deploy.endpoint=tips"), VERTEX)
    task = spec["root"]["dag"]["tasks"]["EndpointDeployer"]
    assert task["dependentTasks"] == ["Pusher"]
    endpoint = json.loads(task["inputs"]["parameters"]["endpoint"]["runtimeValue"]["constant"])
    assert (endpoint["name"], endpoint["project"], endpoint["region"]) == ("tips", "a-project", "europe-west4")
    assert "EndpointDeployer" not in compile_spec(load(csv, "deploy.endpoint=tips"))["components"]


def test_the_metrics_are_drawn_by_the_user_interface(csv):
    outputs = compile_spec(load(csv))["components"]["Evaluator"]["outputDefinitions"]["artifacts"]
    titles = {name: output["artifactType"].get("schemaTitle") for name, output in outputs.items()}
    assert titles == {
        "metrics": "system.Metrics",
        "classification_metrics": "system.ClassificationMetrics",
        "report": "system.HTML",
        "evaluation": None,
        "blessing": None,
    }
    regression = compile_spec(load(csv, "task=regression"))["components"]["Evaluator"]["outputDefinitions"]
    assert "classification_metrics" not in regression["artifacts"]


def test_the_name_is_one_that_the_platforms_accept():
    assert compiler.pipeline_name("My_Table.v2") == "my-table-v2"
