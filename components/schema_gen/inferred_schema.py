"""A schema out of statistics, that says what the spec knows of each column."""

from collections.abc import Iterable

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.base.schema_environments import SERVING, TRAINING
from core.spec import Label, Spec

_MAX_DOMAIN = 100  # a text column with more values than this is not listed value by value
_MIN_DOMAIN_MASS = 0.95  # how much of a later span must be values known today


def infer(statistics: Iterable[statistics_pb2.DatasetFeatureStatisticsList], spec: Spec) -> schema_pb2.Schema:
    """Returns a schema that fits the statistics of all splits, and says what the spec knows of each column."""
    schema = None
    for each in statistics:
        if schema is None:
            schema = tfdv.infer_schema(each, infer_feature_shape=False, max_string_domain_size=_MAX_DOMAIN)
        else:
            schema = tfdv.update_schema(schema, each, max_string_domain_size=_MAX_DOMAIN)
    assert schema is not None
    kinds = {each.name: each for each in spec.features}
    for feature in schema.feature:
        known = kinds.get(feature.name)
        if known is not None and known.kind == "categorical" and known.payload == "int":
            feature.int_domain.is_categorical = True
        elif known is not None and known.kind == "text":
            feature.ClearField("domain")
        if feature.domain:
            feature.distribution_constraints.min_domain_mass = _MIN_DOMAIN_MASS
        _only_in_training(feature, kinds)
    _describe_label(schema, spec.label)
    _describe_weight(schema, spec.weight)
    schema.default_environment[:] = [TRAINING, SERVING]
    _drop_unused_domains(schema)
    return schema


def _only_in_training(feature: schema_pb2.Feature, kinds: Iterable[str]) -> None:
    """Marks what a serving request does not hold: the label, the weight, and columns that are there to slice by."""
    if feature.name not in kinds:
        feature.not_in_environment[:] = [SERVING]


def _describe_label(schema: schema_pb2.Schema, label: Label) -> None:
    for feature in schema.feature:
        if feature.name != label.name:
            continue
        feature.presence.min_fraction = 1
        feature.presence.min_count = 1
        feature.ClearField("distribution_constraints")
        if label.payload == "text" and label.classes:
            feature.string_domain.value[:] = label.classes
        elif label.payload == "int" and label.classes:
            classes = [int(each) for each in label.classes]
            feature.int_domain.CopyFrom(schema_pb2.IntDomain(min=min(classes), max=max(classes), is_categorical=True))
        elif label.payload == "float":
            feature.float_domain.disallow_nan = True


def _describe_weight(schema: schema_pb2.Schema, weight: str | None) -> None:
    for feature in schema.feature:
        if feature.name == weight and feature.type == schema_pb2.FLOAT:
            feature.float_domain.CopyFrom(schema_pb2.FloatDomain(min=0, disallow_nan=True))


def _drop_unused_domains(schema: schema_pb2.Schema) -> None:
    used = {each.domain for each in schema.feature}
    kept = [each for each in schema.string_domain if each.name in used]
    del schema.string_domain[:]
    schema.string_domain.extend(kept)
