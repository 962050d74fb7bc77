"""ExampleValidator: stops the run where the data break the schema, drift between spans, or differ between splits.

Nothing is checked by default that healthy data could fail: an inferred schema fits the data it comes from, distances
are measured and kept, and only a limit makes them count.
"""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx import types
from tfx.components.example_validator import executor as stock
from tfx.components.statistics_gen import stats_artifact_utils
from tfx.dsl.components.base import base_beam_component, base_beam_executor, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.utils import io_utils, writer_utils

from components.base import stage_report
from components.example_validator import anomalies, split_overlap
from components.example_validator.anomalies import Limits
from components.example_validator.overlap_report import LeakReport
from components.example_validator.previous_span import STATISTICS_ID
from core import examples as examples_lib
from core.errors import GateError
from core.spec import Spec

LEAKS_FILE = "leaks.json"

_TRAIN = split_overlap.TRAIN


class Executor(base_beam_executor.BaseBeamExecutor):
    """Validates every split."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Writes `Split-NAME/SchemaDiff.pb` for every split, and `leaks.json`.

        Raises:
            GateError: names the splits, the features, what is wrong, the limits, and what to do.
        """
        statistics = artifact_utils.get_single_instance(input_dict["statistics"])
        output = artifact_utils.get_single_instance(output_dict["anomalies"])
        spec = Spec.from_json(exec_properties["spec"])
        limits = json.loads(exec_properties["limits"])
        splits = artifact_utils.decode_split_names(statistics.split_names)
        found = self._validate_splits(input_dict, output, spec, limits, splits)
        leaked = self._find_leaks(artifact_utils.get_single_instance(input_dict["examples"]), output, spec)
        found += leaked.problems(limits.get("max_leaked_rows"))
        if found:
            raise GateError(anomalies.explain(found))
        output.split_names = artifact_utils.encode_split_names(splits)
        output.span = statistics.span
        output.set_int_custom_property(STATISTICS_ID, statistics.id)
        output.set_json_value_custom_property(stock.ARTIFACT_PROPERTY_BLESSED_KEY, dict.fromkeys(splits, 1))
        stage_report.record(output, f"no anomalies{leaked.finding()}", leaked=dict(leaked.found.counts))

    def _validate_splits(
        self,
        input_dict: dict[str, Any],
        output: types.Artifact,
        spec: Spec,
        limits: Mapping[str, Any],
        splits: Sequence[str],
    ) -> list[str]:
        schema_uri = artifact_utils.get_single_uri(input_dict["schema"])
        schema = io_utils.SchemaReader().read(io_utils.get_only_uri_in_dir(schema_uri))
        statistics = input_dict["statistics"][0]
        previous = (input_dict.get("previous_statistics") or [None])[0]
        train = _load(statistics, _TRAIN)
        found = []
        for split in splits:
            before = None
            if previous is not None and split in artifact_utils.decode_split_names(previous.split_names):
                before = (_load(previous, split), Limits(**limits.get("drift", {})))
            reference = None if split == _TRAIN else (train, Limits(**limits.get("skew", {})))
            found_here = anomalies.validate(_load(statistics, split), schema, spec, reference, before)
            path = os.path.join(output.uri, f"Split-{split}", stock.DEFAULT_FILE_NAME)
            writer_utils.write_anomalies(path, found_here)
            found += anomalies.problems(split, found_here)
        return found

    def _find_leaks(self, examples: types.Artifact, output: types.Artifact, spec: Spec) -> LeakReport:
        row_groups = {
            split: examples_lib.row_groups(artifact_utils.get_split_uri([examples], split))
            for split in artifact_utils.decode_split_names(examples.split_names)
        }
        path = os.path.join(output.uri, LEAKS_FILE)
        columns = [each.name for each in spec.features]
        with self._make_beam_pipeline() as pipeline:
            split_overlap.find(pipeline, row_groups, columns, path)
        rows = {split: sum(each.rows for each in groups) for split, groups in row_groups.items()}
        return LeakReport(split_overlap.load(path), rows, tuple(columns))


def _load(statistics: types.Artifact, split: str) -> statistics_pb2.DatasetFeatureStatisticsList:
    return stats_artifact_utils.load_statistics(statistics, split).proto()


class ExampleValidatorSpec(component_spec.ComponentSpec):  # type: ignore[misc]
    """What ExampleValidator takes and gives."""

    PARAMETERS = {
        "spec": component_spec.ExecutionParameter(type=str),
        "limits": component_spec.ExecutionParameter(type=str),
        "fingerprint": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        "statistics": component_spec.ChannelParameter(type=standard_artifacts.ExampleStatistics),
        "schema": component_spec.ChannelParameter(type=standard_artifacts.Schema),
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "previous_statistics": component_spec.ChannelParameter(
            type=standard_artifacts.ExampleStatistics, optional=True
        ),
    }
    OUTPUTS = {"anomalies": component_spec.ChannelParameter(type=standard_artifacts.ExampleAnomalies)}


class ExampleValidator(base_beam_component.BaseBeamComponent):  # type: ignore[misc]
    """The gate that data must pass.

    Args:
        statistics: the statistics of all splits.
        schema: what the columns must look like.
        examples: the rows, to look for those that two splits share.
        spec: `Spec.to_json()`.
        limits: JSON of `drift` and `skew`, each with `default` and `features`, and `max_leaked_rows`, a share of the
            split's rows; all optional.
        fingerprint: changes when the code does.
        previous_statistics: those of the span before, to measure drift.
    """

    SPEC_CLASS = ExampleValidatorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        statistics: types.BaseChannel,
        schema: types.BaseChannel,
        examples: types.BaseChannel,
        spec: str,
        limits: str = "{}",
        fingerprint: str = "",
        previous_statistics: types.BaseChannel | None = None,
    ) -> None:
        super().__init__(
            ExampleValidatorSpec(
                statistics=statistics,
                schema=schema,
                examples=examples,
                previous_statistics=previous_statistics,
                spec=spec,
                limits=limits,
                fingerprint=fingerprint,
                anomalies=types.Channel(type=standard_artifacts.ExampleAnomalies),
            )
        )
