"""What is wrong with a split: against its schema, against train, and against the span before."""

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from components.base.schema_environments import TRAINING
from core.spec import Spec

_SHOWN = 20
_TOGETHER = 100
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
    result = anomalies_pb2.Anomalies(baseline=schema)
    for names in _together(statistics, schema):
        part = tfdv.validate_statistics(
            _only(statistics, names),
            _fields(compared, names),
            environment=TRAINING if TRAINING in schema.default_environment else None,
            previous_statistics=_only(previous[0], names) if previous else None,
            serving_statistics=_only(train[0], names) if train else None,
        )
        part.ClearField("baseline")
        result.MergeFrom(part)
    return result


def _together(
    statistics: statistics_pb2.DatasetFeatureStatisticsList, schema: schema_pb2.Schema
) -> Iterator[Collection[str]]:
    """Yields the columns that are validated in one go: TFDV copies the whole schema for every feature."""
    names = list(dict.fromkeys([_name(each) for each in statistics.datasets[0].features]))
    names += [each.name for each in schema.feature if each.name not in set(names)]
    for start in range(0, len(names), _TOGETHER):
        yield frozenset(names[start : start + _TOGETHER])


def _only(
    statistics: statistics_pb2.DatasetFeatureStatisticsList, names: Collection[str]
) -> statistics_pb2.DatasetFeatureStatisticsList:
    """Returns the statistics of some columns over the whole split, which stands before its slices."""
    whole = statistics.datasets[0]
    result = statistics_pb2.DatasetFeatureStatisticsList()
    result.datasets.add(num_examples=whole.num_examples, weighted_num_examples=whole.weighted_num_examples)
    result.datasets[0].features.extend(each for each in whole.features if _name(each) in names)
    return result


def _fields(schema: schema_pb2.Schema, names: Collection[str]) -> schema_pb2.Schema:
    result = schema_pb2.Schema()
    result.CopyFrom(schema)
    del result.feature[:]
    result.feature.extend(each for each in schema.feature if each.name in names)
    domains = {each.domain for each in result.feature}
    del result.string_domain[:]
    result.string_domain.extend(each for each in schema.string_domain if each.name in domains)
    return result


def _name(feature: statistics_pb2.FeatureNameStatistics) -> str:
    return str(feature.path.step[0] if feature.path.step else feature.name)


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
