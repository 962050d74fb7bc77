"""ExampleValidator: stops the run where the data break the schema, drift between spans, or differ between splits.

By default no check stops healthy data: an inferred schema fits the data that it comes from, and distances are measured
and recorded, but stop a run only above a limit.
"""

import os
import pathlib

import apache_beam as beam
import tensorflow_data_validation as tfdv
from tfx import types
from tfx.components.example_validator import executor as stock
from tfx.dsl.component.experimental.annotations import BeamComponentParameter, InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import io_utils, writer_utils

from components.base import beam_errors, stage_report
from components.example_validator import anomalies as anomalies_lib
from components.example_validator import split_overlap
from components.example_validator.overlap_report import OverlapReport
from components.example_validator.split_overlap import TRAIN
from core import examples as examples_payload
from core.config.sections import Validate
from core.errors import GateError
from core.spec import Spec
from models.serving import model_versions


@component(use_beam=True)
def ExampleValidator(
    statistics: InputArtifact[standard_artifacts.ExampleStatistics],
    schema: InputArtifact[standard_artifacts.Schema],
    examples: InputArtifact[standard_artifacts.Examples],
    anomalies: OutputArtifact[standard_artifacts.ExampleAnomalies],
    spec: Parameter[str],
    validate: Parameter[str],
    previous_statistics: Parameter[str],
    fingerprint: Parameter[str],
    pipeline: BeamComponentParameter[beam.Pipeline] = None,
) -> None:
    """Writes `Split-NAME/SchemaDiff.pb` for every split, and the rows that two splits share.

    Args:
        statistics: the statistics of all splits.
        schema: the schema.
        examples: the rows.
        anomalies: the output.
        spec: `Spec.to_json()`.
        validate: the section `Validate` as JSON.
        previous_statistics: a folder with earlier statistics as `Split-NAME/FeatureStats.pb`, from which the drift is
            measured, or the folder of the served versions, of which the newest has them; empty for none.
        fingerprint: makes TFX's cache depend on the code.
        pipeline: the Beam pipeline.

    Raises:
        GateError: the data did not pass; it names the splits, the features, the problems and the limits.
    """
    parsed, section = Spec.from_json(spec), Validate.model_validate_json(validate)
    splits = artifact_utils.decode_split_names(statistics.split_names)
    expected = io_utils.SchemaReader().read(io_utils.get_only_uri_in_dir(schema.uri))
    train = tfdv.load_stats_binary(_file(statistics.uri, TRAIN))
    earlier = model_versions.statistics_in(pathlib.Path(previous_statistics)) if previous_statistics else None
    problems = []
    for split in splits:
        has_earlier = earlier is not None and os.path.exists(_file(str(earlier), split))
        found = anomalies_lib.validate(
            tfdv.load_stats_binary(_file(statistics.uri, split)),
            expected,
            parsed,
            train=(train, section.skew) if split != TRAIN else None,
            previous=(tfdv.load_stats_binary(_file(str(earlier), split)), section.drift) if has_earlier else None,
        )
        writer_utils.write_anomalies(os.path.join(anomalies.uri, f"Split-{split}", stock.DEFAULT_FILE_NAME), found)
        problems += anomalies_lib.problems(split, found)
    overlap = _find_overlap(pipeline, examples, anomalies.uri, parsed)
    problems += overlap.problems(section.max_leaked_rows)
    if problems:
        raise GateError(anomalies_lib.explain(problems))
    anomalies.split_names = artifact_utils.encode_split_names(splits)
    anomalies.span = statistics.span
    anomalies.set_json_value_custom_property(stock.ARTIFACT_PROPERTY_BLESSED_KEY, dict.fromkeys(splits, 1))
    stage_report.record(anomalies, f"no anomalies{overlap.line()}", overlap=dict(overlap.found.counts))


def _file(folder: str, split: str) -> str:
    return os.path.join(folder, f"Split-{split}", "FeatureStats.pb")


def _find_overlap(pipeline: beam.Pipeline, examples: types.Artifact, folder: str, spec: Spec) -> OverlapReport:
    row_groups = {
        split: examples_payload.row_groups(artifact_utils.get_split_uri([examples], split))
        for split in artifact_utils.decode_split_names(examples.split_names)
    }
    path = os.path.join(folder, "overlap.json")
    columns = [feature.name for feature in spec.features]
    with beam_errors.unwrapped(), pipeline:
        split_overlap.find(pipeline, row_groups, columns, path)
    rows = {split: sum(group.rows for group in groups) for split, groups in row_groups.items()}
    return OverlapReport(split_overlap.load(path), rows, tuple(columns))
