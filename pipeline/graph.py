"""The graph: from files to a pushed model, on one screen."""

import json
from collections.abc import Mapping

from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.components.common.resolver import Resolver
from tfx.orchestration import metadata
from tfx.orchestration.pipeline import Pipeline
from tfx.types import standard_artifacts
from tfx.types.channel import Channel

from components.evaluator.blessed_model import LatestOtherBlessedModel
from components.evaluator.component import Evaluator
from components.example_gen.component import ExampleGen
from components.example_validator.component import ExampleValidator
from components.example_validator.previous_span import LatestValidatedBefore
from components.pusher.component import Pusher
from components.schema_gen.component import SchemaGen
from components.serving_validator.component import ServingValidator
from components.statistics_gen.component import StatisticsGen
from components.trainer.component import Trainer
from components.transform.component import Transform
from components.tuner.component import Tuner
from core.spec import Spec
from pipeline.profile.resolution import Resolved
from pipeline.run.fingerprints import Fingerprint, narrow
from pipeline.run.run_folder import RunFolder

BASELINE = {"epochs": 20, "seed": 0}


def build(
    resolved: Resolved, folder: RunFolder, fingerprints: Mapping[str, Fingerprint], cache: bool = True
) -> Pipeline:
    """Returns the pipeline of a run.

    Args:
        resolved: the configuration with all roles settled.
        folder: where the run keeps what it makes.
        fingerprints: of each stage: see `pipeline.run.fingerprints`.
        cache: whether results of earlier runs may be used.
    """
    return Pipeline(
        pipeline_name=resolved.settings.name,
        pipeline_root=str(folder.artifacts),
        metadata_connection_config=metadata.sqlite_metadata_connection_config(str(folder.metadata)),
        components=_stages(resolved, folder, fingerprints),
        enable_cache=cache,
        beam_pipeline_args=list(resolved.settings.beam),
    )


def _stages(resolved: Resolved, folder: RunFolder, fingerprints: Mapping[str, Fingerprint]) -> list[BaseNode]:
    """Returns the stages, wired in the order in which data flow."""
    settings, spec = resolved.settings, resolved.spec
    columns = narrow(spec, "payload", "repeated").to_json()
    roles = narrow(spec, "payload", "repeated", "kind", "unit", "vocabulary", "buckets").to_json()
    features = Spec(spec.label, spec.features, spec.weight, preprocessing_fn=spec.preprocessing_fn).to_json()
    model = spec.to_json()
    linear = Spec(spec.label, spec.features, spec.weight, family="linear").to_json()
    options = {name: json.dumps(value, sort_keys=True) for name, value in _options(resolved, folder).items()}
    mark = {name: fingerprint.to_json() for name, fingerprint in fingerprints.items()}

    example_gen = ExampleGen(resolved.source.to_json(), columns, options["examples"], mark["ExampleGen"])
    examples = example_gen.outputs["examples"]
    statistics_gen = StatisticsGen(examples, roles, options["statistics"], mark["StatisticsGen"])
    statistics = statistics_gen.outputs["statistics"]
    schema_gen = SchemaGen(statistics, roles, settings.schema_file, mark["SchemaGen"])
    schema = schema_gen.outputs["schema"]
    previous = Resolver(
        strategy_class=LatestValidatedBefore,
        statistics=Channel(type=standard_artifacts.ExampleStatistics),
        anomalies=Channel(type=standard_artifacts.ExampleAnomalies),
        current=statistics,
    ).with_id("PreviousSpan")
    validator = ExampleValidator(
        statistics=statistics,
        schema=schema,
        examples=examples,
        previous_statistics=previous.outputs["statistics"],
        spec=roles,
        limits=options["validate"],
        fingerprint=mark["ExampleValidator"],
    )
    transform = Transform(examples, schema, statistics, features, mark["Transform"], options["transform"])
    transform.add_upstream_node(validator)
    prepared = {"examples": examples, "schema": schema, "transform_graph": transform.outputs["transform_graph"]}
    tuner = Tuner(**prepared, spec=model, options=options["tune"], fingerprint=mark["Tuner"])
    baseline = Trainer(**prepared, spec=linear, options=json.dumps(BASELINE), fingerprint=mark["Baseline"])
    baseline = baseline.with_id("Baseline")
    trainer = Trainer(
        **prepared,
        hyperparameters=tuner.outputs["best_hyperparameters"],
        spec=model,
        options=options["train"],
        fingerprint=mark["Trainer"],
    )
    candidate = trainer.outputs["model"]
    resolver = Resolver(
        strategy_class=LatestOtherBlessedModel,
        model=Channel(type=standard_artifacts.Model),
        model_blessing=Channel(type=standard_artifacts.ModelBlessing),
        candidate=candidate,
    ).with_id("Resolver")
    evaluator = Evaluator(
        examples=examples,
        model=candidate,
        baseline_model=baseline.outputs["model"],
        blessed_model=resolver.outputs["model"],
        spec=model,
        options=options["evaluate"],
        fingerprint=mark["Evaluator"],
    )
    blessing = evaluator.outputs["blessing"]
    serving_validator = ServingValidator(
        model=candidate,
        model_run=trainer.outputs["model_run"],
        blessing=blessing,
        spec=model,
        options=options["serve"],
        fingerprint=mark["ServingValidator"],
    )
    pusher = Pusher(
        model=candidate,
        blessing=blessing,
        infra_blessing=serving_validator.outputs["blessing"],
        push_destination=str(folder.serving),
        metadata=json.dumps(
            {
                "spec": model,
                "source": resolved.source.to_json(),
                "query": settings.data.query,
                "trainer": fingerprints["Trainer"].digest,
                "replaced": fingerprints["Pusher"].parameters["served"],
            }
        ),
        fingerprint=mark["Pusher"],
    )
    return [
        *(example_gen, statistics_gen, schema_gen, previous, validator, transform),
        *(tuner, baseline, trainer),
        *(resolver, evaluator, serving_validator, pusher),
    ]


def _options(resolved: Resolved, folder: RunFolder) -> dict[str, dict[str, object]]:
    """Returns the options of the stages, as JSON values."""
    settings = resolved.settings.model_dump(mode="json")
    slices = (*settings["statistics"]["slices"], *settings["evaluate"]["slices"])

    def kept(stage: str) -> dict[str, object]:
        """What is kept of each file pays off where a later run reads the file again beside new ones."""
        return {"cache": str(folder.cache / stage)} if resolved.source.grows else {}

    return {
        "examples": {"split": settings["split"], "columns": sorted({column for each in slices for column in each})},
        "statistics": settings["statistics"] | kept("statistics"),
        "transform": kept("transform"),
        "validate": settings["validate"],
        "tune": {**settings["tune"], "directory": str(folder.tuner), "logs": str(folder.tensorboard / "search")},
        "train": settings["train"],
        "evaluate": settings["evaluate"],
        "serve": settings["serve"],
    }
