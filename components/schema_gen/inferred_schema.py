"""Infers a schema from statistics, and adds the roles of the columns from the spec."""

from collections.abc import Iterable

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.base.schema_environments import SERVING, TRAINING
from core.spec import Label, Spec

_MAX_DOMAIN = 100  # a text column with more values gets no domain
_MIN_DOMAIN_MASS = 0.95  # the smallest share of a later span that known values must have


def infer(statistics: Iterable[statistics_pb2.DatasetFeatureStatisticsList], spec: Spec) -> schema_pb2.Schema:
    """Returns a schema that fits the statistics of all splits and has the roles of the columns."""
    schema = None
    for split_statistics in statistics:
        if schema is None:
            schema = tfdv.infer_schema(split_statistics, infer_feature_shape=False, max_string_domain_size=_MAX_DOMAIN)
        else:
            schema = tfdv.update_schema(schema, split_statistics, max_string_domain_size=_MAX_DOMAIN)
    assert schema is not None
    features = {feature.name: feature for feature in spec.features}
    for feature in schema.feature:
        known = features.get(feature.name)
        if known is not None and known.kind == "categorical" and known.payload == "int":
            feature.int_domain.is_categorical = True
        elif known is not None and known.kind == "text":
            feature.ClearField("domain")
        if feature.domain:
            feature.distribution_constraints.min_domain_mass = _MIN_DOMAIN_MASS
        if feature.name not in features:  # requests have neither label nor weight nor slice columns
            feature.not_in_environment[:] = [SERVING]
    _describe_label(schema, spec.label)
    _describe_weight(schema, spec.weight)
    schema.default_environment[:] = [TRAINING, SERVING]
    _drop_unused_domains(schema)
    return schema


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
            classes = [int(name) for name in label.classes]
            feature.int_domain.CopyFrom(schema_pb2.IntDomain(min=min(classes), max=max(classes), is_categorical=True))
        elif label.payload in ("float", "double"):
            feature.float_domain.disallow_nan = True


def _describe_weight(schema: schema_pb2.Schema, weight: str | None) -> None:
    for feature in schema.feature:
        if feature.name == weight and feature.type == schema_pb2.FLOAT:
            feature.float_domain.CopyFrom(schema_pb2.FloatDomain(min=0, disallow_nan=True))


def _drop_unused_domains(schema: schema_pb2.Schema) -> None:
    used = {feature.domain for feature in schema.feature}
    kept = [domain for domain in schema.string_domain if domain.name in used]
    del schema.string_domain[:]
    schema.string_domain.extend(kept)
