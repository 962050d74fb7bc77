"""Reads, checks and updates the curated schema file, which a person reviews and edits."""

import math
import os
import pathlib
from collections.abc import Mapping, Sequence

import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.schema_gen import inferred_schema
from core import storage, text
from core.errors import UserError
from core.spec import Payload, Spec

_TYPES: dict[Payload, int] = {
    "int": schema_pb2.INT,
    "float": schema_pb2.FLOAT,
    "double": schema_pb2.FLOAT,
    "text": schema_pb2.BYTES,
}
_SHOWN = 20


def parse(path: str) -> schema_pb2.Schema:
    """Returns the schema of a file in protobuf text format.

    Raises:
        UserError: there is no such file, or it is not a schema.
    """
    try:
        return text_format.Parse(pathlib.Path(path).read_text(encoding="utf-8"), schema_pb2.Schema())
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"Cannot read the schema file {path}: {text.clause(error)}. Correct `schema_file` or leave it out."
        ) from None
    except text_format.ParseError as error:
        raise UserError(
            f"{path} is not a schema in protobuf text format, at line:column {text.clause(error)}. "
            "Correct it there, or remove the file and let --update-schema write a new one."
        ) from None


def check(schema: schema_pb2.Schema, spec: Spec, path: str) -> None:
    """Checks that a curated schema has every feature and the label, each with the type that the run uses.

    Raises:
        UserError: names all fields that do not fit.
    """
    found = {field.name: field for field in schema.feature}
    problems = []
    payloads = {feature.name: feature.payload for feature in spec.features} | {spec.label.name: spec.label.payload}
    for name, payload in payloads.items():
        expected = schema_pb2.FeatureType.Name(_TYPES[payload])
        if name not in found:
            near = text.near_match(name, found)
            problems.append(f"{name!r} is missing" + (f" (did you mean {near!r}?)" if near else ""))
        elif found[name].type != _TYPES[payload]:
            actual = schema_pb2.FeatureType.Name(found[name].type)
            problems.append(f"{name!r} has type {actual}, and the data has {expected}")
    if problems:
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise UserError(
            f"The schema {path} does not fit the features of this run: {'; '.join(problems[:_SHOWN])}{more}. "
            "Correct the schema, set the feature's `type` under `features:` in the configuration, "
            "or add what is missing by --update-schema."
        )


def curate(schema: schema_pb2.Schema, inferred: schema_pb2.Schema) -> tuple[schema_pb2.Schema, list[str]]:
    """Returns the curated schema of the columns of this run, and the names of its fields that the run does not use.

    Shapes become value counts, so that Transform reads every column in the same way. Columns that the curated schema
    lacks, such as slice columns, get their inferred fields.
    """
    columns = {feature.name for feature in inferred.feature}
    result = schema_pb2.Schema()
    result.CopyFrom(schema)
    del result.feature[:]
    for feature in schema.feature:
        if feature.name not in columns:
            continue
        kept = result.feature.add()
        kept.CopyFrom(feature)
        if feature.HasField("shape"):
            size = math.prod(dimension.size for dimension in feature.shape.dim)
            kept.value_count.CopyFrom(schema_pb2.ValueCount(min=size, max=size))
    known = {feature.name for feature in schema.feature}
    for feature in inferred.feature:
        if feature.name not in known:
            _append(result, feature, inferred)
    return result, sorted(known - columns)


def _append(schema: schema_pb2.Schema, feature: schema_pb2.Feature, source: schema_pb2.Schema) -> None:
    """Adds a feature of another schema, with its domain."""
    schema.feature.add().CopyFrom(feature)
    taken = {domain.name for domain in schema.string_domain}
    schema.string_domain.extend(
        domain for domain in source.string_domain if domain.name == feature.domain and domain.name not in taken
    )


def update(schema_file: str, statistics_uri: str, splits: Sequence[str], spec: Spec) -> str:
    """Writes the inferred schema to the curated file for review: a new file, or new fields at the end of the file.

    The content of an existing file stays as it is, comments included.

    Args:
        schema_file: the curated file; created when it is missing.
        statistics_uri: the folder of the statistics artifact.
        splits: its splits.
        spec: the run's spec.

    Returns:
        The changes, in a few lines.

    Raises:
        UserError: the file cannot be read or written, or is not a schema.
    """
    inferred = inferred_schema.infer([load_statistics(statistics_uri, split) for split in splits], spec)
    if not os.path.exists(schema_file):
        _replace(schema_file, text_format.MessageToString(inferred, as_utf8=True))
        return f"Wrote {schema_file} with {len(inferred.feature)} fields. Review it: later data must fit it."
    schema = parse(schema_file)
    known = {feature.name: feature for feature in schema.feature}
    addition = schema_pb2.Schema()
    for feature in inferred.feature:
        if feature.name not in known:
            _append(addition, feature, inferred)
    added = [feature.name for feature in addition.feature]
    if added:
        old = pathlib.Path(schema_file).read_text(encoding="utf-8")
        _replace(schema_file, old.rstrip("\n") + "\n" + text_format.MessageToString(addition, as_utf8=True))
    return "\n".join(_summary(schema_file, added, known, {feature.name: feature for feature in inferred.feature}))


def _summary(
    path: str,
    added: Sequence[str],
    known: Mapping[str, schema_pb2.Feature],
    inferred: Mapping[str, schema_pb2.Feature],
) -> list[str]:
    count = (
        f"{len(added)} field{'s' if len(added) > 1 else ''} added: {', '.join(added)}" if added else "no field added"
    )
    lines = [f"{path}: {count}"]
    unused = [name for name in known if name not in inferred]
    if unused:
        lines.append(f"in the file and not in the data, kept: {', '.join(unused)}")
    for name, feature in known.items():
        if name in inferred and inferred[name].type != feature.type:
            file_type, data_type = (schema_pb2.FeatureType.Name(field.type) for field in (feature, inferred[name]))
            lines.append(
                f"{name}: {file_type} in the file, kept, and {data_type} in the data: one of them has to change"
            )
    return lines


def _replace(path: str, content: str) -> None:
    """Writes the file in one step."""
    try:
        storage.write_text(path, content)
    except OSError as error:
        raise UserError(f"Cannot write the schema file {path}: {error}. Choose a place that is writable.") from None


def load_statistics(statistics_uri: str, split: str) -> statistics_pb2.DatasetFeatureStatisticsList:
    """Returns the statistics of a split from a statistics artifact."""
    return tfdv.load_stats_binary(os.path.join(statistics_uri, f"Split-{split}", "FeatureStats.pb"))
