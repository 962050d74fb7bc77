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
    first, *others = statistics
    schema = tfdv.infer_schema(first, infer_feature_shape=False, max_string_domain_size=_MAX_DOMAIN)
    for split_statistics in others:
        schema = tfdv.update_schema(schema, split_statistics, max_string_domain_size=_MAX_DOMAIN)
    features = {feature.name: feature for feature in spec.features}
    for field in schema.feature:
        feature = features.get(field.name)
        if feature is None:  # requests have neither label nor weight nor slice columns
            field.not_in_environment[:] = [SERVING]
        elif feature.kind == "categorical" and feature.payload == "int":
            field.int_domain.is_categorical = True
        elif feature.kind == "text":
            field.ClearField("domain")
        if field.domain:
            field.distribution_constraints.min_domain_mass = _MIN_DOMAIN_MASS
        if field.name == spec.label.name:
            _describe_label(field, spec.label)
        elif field.name == spec.weight and field.type == schema_pb2.FLOAT:
            field.float_domain.CopyFrom(schema_pb2.FloatDomain(min=0, disallow_nan=True))
    schema.default_environment[:] = [TRAINING, SERVING]
    _drop_unused_domains(schema)
    return schema


def _describe_label(field: schema_pb2.Feature, label: Label) -> None:
    field.presence.min_fraction = 1
    field.presence.min_count = 1
    field.ClearField("distribution_constraints")
    if label.payload == "text" and label.classes:
        field.string_domain.value[:] = label.classes
    elif label.payload == "int" and label.classes:
        classes = [int(name) for name in label.classes]
        field.int_domain.CopyFrom(schema_pb2.IntDomain(min=min(classes), max=max(classes), is_categorical=True))
    elif label.payload in ("float", "double"):
        field.float_domain.disallow_nan = True


def _drop_unused_domains(schema: schema_pb2.Schema) -> None:
    used = {feature.domain for feature in schema.feature}
    kept = [domain for domain in schema.string_domain if domain.name in used]
    del schema.string_domain[:]
    schema.string_domain.extend(kept)
