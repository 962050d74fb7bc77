"""Finds the anomalies of a split: against the schema, against train, and against earlier statistics."""

from collections.abc import Collection, Iterator, Sequence

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from components.base.schema_environments import TRAINING
from core.config.sections import Limits
from core.spec import Spec

_SHOWN = 20
_TOGETHER = 100
_NO_LIMIT = 1.01  # both distances lie between 0 and 1, but for rounding: that of disjoint moments can be 1 + 2e-16
_MEASURES = {
    anomalies_pb2.DriftSkewInfo.Measurement.L_INFTY: "L-infinity distance",
    anomalies_pb2.DriftSkewInfo.Measurement.JENSEN_SHANNON_DIVERGENCE: "Jensen-Shannon divergence",
}
_COMPARATORS = (
    anomalies_pb2.AnomalyInfo.COMPARATOR_L_INFTY_HIGH,
    anomalies_pb2.AnomalyInfo.COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH,
    anomalies_pb2.AnomalyInfo.COMPARATOR_NORMALIZED_ABSOLUTE_DIFFERENCE_HIGH,
)


def validate(
    statistics: statistics_pb2.DatasetFeatureStatisticsList,
    schema: schema_pb2.Schema,
    spec: Spec,
    train: tuple[statistics_pb2.DatasetFeatureStatisticsList, Limits] | None = None,
    previous: tuple[statistics_pb2.DatasetFeatureStatisticsList, Limits] | None = None,
) -> anomalies_pb2.Anomalies:
    """Compares the statistics of a split with the schema and with other statistics.

    Categories are compared by the largest difference of a value's share (L-infinity), numbers by the Jensen-Shannon
    divergence; both lie between 0 and 1.

    Args:
        statistics: the statistics of the split.
        schema: the schema; its comparators override the default limit.
        spec: the features to compare.
        train: the statistics of train, and the largest distance from them.
        previous: the earlier statistics of the same split, and the largest distance from them.

    Returns:
        The anomalies, and the measured distances in `drift_skew_info`.
    """
    compared = schema_pb2.Schema()
    compared.CopyFrom(schema)
    kinds = {feature.name: feature.kind for feature in spec.features}
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
    """Yields the columns that are validated in one call: TFDV copies the whole schema for every feature."""
    names = list(dict.fromkeys(map(_name, statistics.datasets[0].features)))
    names += [feature.name for feature in schema.feature if feature.name not in set(names)]
    for start in range(0, len(names), _TOGETHER):
        yield frozenset(names[start : start + _TOGETHER])


def _only(
    statistics: statistics_pb2.DatasetFeatureStatisticsList, names: Collection[str]
) -> statistics_pb2.DatasetFeatureStatisticsList:
    """Returns the statistics of some columns over the whole split, which are the first dataset, before its slices."""
    whole = statistics.datasets[0]
    result = statistics_pb2.DatasetFeatureStatisticsList()
    result.datasets.add(num_examples=whole.num_examples, weighted_num_examples=whole.weighted_num_examples)
    result.datasets[0].features.extend(feature for feature in whole.features if _name(feature) in names)
    return result


def _fields(schema: schema_pb2.Schema, names: Collection[str]) -> schema_pb2.Schema:
    result = schema_pb2.Schema()
    result.CopyFrom(schema)
    del result.feature[:]
    result.feature.extend(feature for feature in schema.feature if feature.name in names)
    domains = {feature.domain for feature in result.feature}
    del result.string_domain[:]
    result.string_domain.extend(domain for domain in schema.string_domain if domain.name in domains)
    return result


def _name(feature: statistics_pb2.FeatureNameStatistics) -> str:
    return str(feature.path.step[0] if feature.path.step else feature.name)


def _set_limit(comparator: schema_pb2.FeatureComparator, kind: str, limits: Limits, name: str) -> None:
    distance = comparator.infinity_norm if kind == "categorical" else comparator.jensen_shannon_divergence
    if name not in limits.features and distance.threshold:
        return
    limit = limits.features.get(name, limits.default)
    distance.threshold = _NO_LIMIT if limit is None else limit


def problems(split: str, anomalies: anomalies_pb2.Anomalies) -> list[str]:
    """Returns the problems that stop a run, a line for each: split, feature, problem and limit."""
    found = []
    if anomalies.HasField("dataset_anomaly_info"):
        found.append(f"{split}: {anomalies.dataset_anomaly_info.description}")
    distances = {".".join(info.path.step): info for info in anomalies.drift_skew_info}
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
    for other, measurements in (("train", info.skew_measurements), ("the earlier data", info.drift_measurements)):
        for found in measurements:
            if found.value > found.threshold:
                name = _MEASURES.get(found.type, "distance")
                texts.append(f"the {name} to {other} is {found.value:.3f}, and at most {found.threshold:g} is allowed")
    return texts


def explain(found: Sequence[str]) -> str:
    """Returns the message for data that did not pass: the first problems, their number, and what to do."""
    count = f"{len(found):,} anomalies" if len(found) > 1 else "1 anomaly"
    shown = "\n".join(f"  {problem}" for problem in found[:_SHOWN])
    more = f"\n  and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return (
        f"The data did not pass validation: {count}.\n{shown}{more}\n"
        "Repair the data; or, where the data are right, adapt the curated schema or the limits under `validate:` in "
        "the configuration."
    )
