"""ExampleValidator: stops the run where the data break the schema, drift between spans, or differ between splits.

Nothing is checked by default that healthy data could fail: an inferred schema fits the data it comes from, distances
are measured and kept, and only a limit makes them count.
"""

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2
from tfx import types
from tfx.components.example_validator import executor as stock
from tfx.components.statistics_gen import stats_artifact_utils
from tfx.dsl.components.base import base_beam_component, base_beam_executor, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.utils import io_utils, writer_utils

from components import findings, leaks
from components.previous_span import STATISTICS_ID
from models import examples as examples_lib
from models.errors import GateError
from models.spec import Spec

LEAKS_FILE = "leaks.json"

_TRAIN = leaks.TRAIN
_SHOWN = 20
_VALUES = 4  # so many values of a leaked row are shown
_NO_LIMIT = 1.0  # both distances lie between 0 and 1
_MEASURES = {
    anomalies_pb2.DriftSkewInfo.Measurement.L_INFTY: "L-infinity distance",
    anomalies_pb2.DriftSkewInfo.Measurement.JENSEN_SHANNON_DIVERGENCE: "Jensen-Shannon divergence",
}
_COMPARATORS = (
    anomalies_pb2.AnomalyInfo.COMPARATOR_L_INFTY_HIGH,
    anomalies_pb2.AnomalyInfo.COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH,
    anomalies_pb2.AnomalyInfo.COMPARATOR_NORMALIZED_ABSOLUTE_DIFFERENCE_HIGH,
)


@dataclasses.dataclass(frozen=True)
class Limits:
    """How far two sets of rows may be apart.

    Categories are compared by the largest difference of a value's share (L-infinity), numbers by the Jensen-Shannon
    divergence; both lie between 0 and 1.

    Attributes:
        default: the limit of every feature; None checks nothing.
        features: the limits of some.
    """

    default: float | None = None
    features: Mapping[str, float | None] = dataclasses.field(default_factory=dict)

    def of(self, name: str) -> float | None:
        """Returns the limit of a feature."""
        return self.features.get(name, self.default)


def validate(
    statistics: statistics_pb2.DatasetFeatureStatisticsList,
    schema: schema_pb2.Schema,
    spec: Spec,
    train: tuple[statistics_pb2.DatasetFeatureStatisticsList, Limits] | None = None,
    previous: tuple[statistics_pb2.DatasetFeatureStatisticsList, Limits] | None = None,
) -> anomalies_pb2.Anomalies:
    """Compares the statistics of a split with the schema and with other statistics.

    Args:
        statistics: those of the split.
        schema: what the columns must look like; comparators that it holds win over the default limit.
        spec: the features to compare.
        train: the statistics of train, and how far from them the split may be.
        previous: the statistics of the same split in the span before, and how far it may have drifted.

    Returns:
        The anomalies, and the measured distances in `drift_skew_info`.
    """
    compared = schema_pb2.Schema()
    compared.CopyFrom(schema)
    kinds = {each.name: each.kind for each in spec.features}
    kinds[spec.label.name] = "numeric" if spec.label.task == "regression" else "categorical"
    for feature in compared.feature:
        kind = kinds.get(feature.name)
        if kind is None or kind == "text":
            continue
        for comparator, other in ((feature.skew_comparator, train), (feature.drift_comparator, previous)):
            if other is not None:
                _set_limit(comparator, kind, other[1], feature.name)
    environment = "TRAINING" if "TRAINING" in schema.default_environment else None
    return tfdv.validate_statistics(
        statistics,
        compared,
        environment=environment,
        previous_statistics=previous[0] if previous else None,
        serving_statistics=train[0] if train else None,
    )


def _set_limit(comparator: schema_pb2.FeatureComparator, kind: str, limits: Limits, name: str) -> None:
    distance = comparator.infinity_norm if kind == "categorical" else comparator.jensen_shannon_divergence
    if name not in limits.features and distance.threshold:
        return
    limit = limits.of(name)
    distance.threshold = _NO_LIMIT if limit is None else limit


def problems(split: str, anomalies: anomalies_pb2.Anomalies) -> list[str]:
    """Returns what stops a run, one line each: the split, the feature, what, and the limit."""
    found = []
    if anomalies.HasField("dataset_anomaly_info"):
        found.append(f"{split}: {anomalies.dataset_anomaly_info.description}")
    distances = {".".join(each.path.step): each for each in anomalies.drift_skew_info}
    for name, info in sorted(anomalies.anomaly_info.items()):
        if info.severity != anomalies_pb2.AnomalyInfo.ERROR:
            continue
        reasons = info.reason or [info]
        for reason in reasons:
            if getattr(reason, "type", None) in _COMPARATORS and name in distances:
                continue
            found.append(f"{split}: {name!r}: {reason.short_description}. {reason.description}".strip())
        if name in distances:
            found += [f"{split}: {name!r}: {text}" for text in _too_far(distances[name])]
    return found


def _too_far(info: anomalies_pb2.DriftSkewInfo) -> list[str]:
    texts = []
    for other, measurements in (("train", info.skew_measurements), ("the span before", info.drift_measurements)):
        for each in measurements:
            if each.value > each.threshold:
                measure = _MEASURES.get(each.type, "distance")
                texts.append(f"the {measure} to {other} is {each.value:.3f}, and at most {each.threshold:g} is allowed")
    return texts


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
            raise GateError(explain(found))
        output.split_names = artifact_utils.encode_split_names(splits)
        output.span = statistics.span
        output.set_int_custom_property(STATISTICS_ID, statistics.id)
        output.set_json_value_custom_property(stock.ARTIFACT_PROPERTY_BLESSED_KEY, dict.fromkeys(splits, 1))
        findings.record(output, f"no anomalies{leaked.finding()}", leaked=dict(leaked.found.counts))

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
            anomalies = validate(_load(statistics, split), schema, spec, reference, before)
            path = os.path.join(output.uri, f"Split-{split}", stock.DEFAULT_FILE_NAME)
            writer_utils.write_anomalies(path, anomalies)
            found += problems(split, anomalies)
        return found

    def _find_leaks(self, examples: types.Artifact, output: types.Artifact, spec: Spec) -> "_Leaked":
        row_groups = {
            split: examples_lib.row_groups(artifact_utils.get_split_uri([examples], split))
            for split in artifact_utils.decode_split_names(examples.split_names)
        }
        path = os.path.join(output.uri, LEAKS_FILE)
        columns = [each.name for each in spec.features]
        with self._make_beam_pipeline() as pipeline:
            leaks.find(pipeline, row_groups, columns, path)
        rows = {split: sum(each.rows for each in groups) for split, groups in row_groups.items()}
        return _Leaked(leaks.load(path), rows, tuple(columns))


@dataclasses.dataclass(frozen=True)
class _Leaked:
    """The leaks, put into words."""

    found: leaks.Leaks
    rows: Mapping[str, int]
    columns: tuple[str, ...]

    def finding(self) -> str:
        """Returns what is added to the stage's finding."""
        shares = [
            f"{count:,} of {self.rows[split]:,} {split} rows {'is' if count == 1 else 'are'} in train too"
            for split, count in self.found.counts.items()
            if count
        ]
        return "".join(f" · {each}" for each in shares)

    def problems(self, limit: float | None) -> list[str]:
        """Returns what stops a run when at most `limit`, a share of a split's rows, may be in train too."""
        if limit is None:
            return []
        texts = []
        for split, count in self.found.counts.items():
            if count > limit * self.rows[split]:
                rows = [self._describe(each) for each in self.found.shown if each.split == split]
                texts.append(
                    f"{split}: {count:,} of {self.rows[split]:,} rows ({count / self.rows[split]:.2%}) have the same "
                    f"features as a row of train, and at most {limit:.2%} is allowed: {'; '.join(rows[:_SHOWN])}"
                )
        return texts

    def _describe(self, leak: leaks.Leak) -> str:
        batch = examples_lib.read(leak.row_group, self.columns[:_VALUES]).slice(leak.row, 1).to_pydict()
        values = ", ".join(f"{name}={_plain(values[0])}" for name, values in batch.items())
        values += ", ..." if len(self.columns) > _VALUES else ""
        row = _row_number(leak.row_group, leak.row)
        train_row = _row_number(leak.train_row_group, leak.train_row)
        return f"row {row:,} is row {train_row:,} of train ({values})"


def _row_number(row_group: examples_lib.RowGroup, row: int) -> int:
    """Returns the place of a row in its split, from 0."""
    before = 0
    for each in examples_lib.row_groups(os.path.dirname(row_group.file)):
        if (each.file, each.index) == (row_group.file, row_group.index):
            return before + row
        before += each.rows
    return row


def _plain(values: Sequence[Any] | None) -> str:
    if not values:
        return "missing"
    texts = [each.decode(errors="replace") if isinstance(each, bytes) else f"{each:.6g}" for each in values]
    return "/".join(texts)[:40]


def explain(found: Sequence[str]) -> str:
    """Returns the message of the gate: the first problems, how many there are, and what to do."""
    count = f"{len(found):,} anomalies" if len(found) > 1 else "1 anomaly"
    shown = "\n".join(f"  {each}" for each in found[:_SHOWN])
    more = f"\n  and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return (
        f"The data did not pass validation: {count}.\n{shown}{more}\n"
        "Repair the data; or, where the data are right, adapt the curated schema or the limits under `validate:` in "
        "the configuration."
    )


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
