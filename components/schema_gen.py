"""SchemaGen: what every column must look like, inferred from the statistics or taken from a curated file.

An inferred schema describes the data it comes from, so it never stops the run that made it. A curated one is a
promise about all later data: it wins, after a check that it fits the features of the run.
"""

import difflib
import hashlib
import os
import pathlib
import tempfile
from collections.abc import Iterable, Sequence
from typing import Any

import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2
from tfx import types
from tfx.components.schema_gen import executor as stock
from tfx.components.statistics_gen import stats_artifact_utils
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.utils import io_utils

from components import findings
from models.errors import UserError
from models.spec import Label, Payload, Spec

TRAINING, SERVING = "TRAINING", "SERVING"

_TYPES: dict[Payload, int] = {"int": schema_pb2.INT, "float": schema_pb2.FLOAT, "text": schema_pb2.BYTES}
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


def parse(path: str) -> schema_pb2.Schema:
    """Returns the schema that a file holds in text format.

    Raises:
        UserError: there is no such file, or it is not a schema.
    """
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8")
        return text_format.Parse(text, schema_pb2.Schema())
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"Cannot read the schema file {path}: {error}. Correct `schema_file` or leave it out."
        ) from None
    except text_format.ParseError as error:
        raise UserError(
            f"{path} is not a schema in protobuf text format, at line:column {error}. "
            "Correct it there, or remove the file and let --update-schema write a new one."
        ) from None


def check(schema: schema_pb2.Schema, spec: Spec, path: str) -> None:
    """Sees whether a curated schema describes every feature and the label, each with the type that the run uses.

    Raises:
        UserError: names all fields that do not fit.
    """
    found = {each.name: each for each in schema.feature}
    problems = []
    for name, payload in [(each.name, each.payload) for each in spec.features] + [
        (spec.label.name, spec.label.payload)
    ]:
        expected = schema_pb2.FeatureType.Name(_TYPES[payload])
        if name not in found:
            near = difflib.get_close_matches(name, found, n=1)
            problems.append(f"{name!r} is missing" + (f" (did you mean {near[0]!r}?)" if near else ""))
        elif found[name].type != _TYPES[payload]:
            actual = schema_pb2.FeatureType.Name(found[name].type)
            problems.append(f"{name!r} has type {actual}, and the data has {expected}")
    if problems:
        shown = "; ".join(problems[:20]) + (f"; and {len(problems) - 20} more" if len(problems) > 20 else "")
        raise UserError(
            f"The schema {path} does not fit the features of this run: {shown}. Correct the schema, set the feature's "
            "`type` under `features:` in the configuration, or add what is missing by --update-schema."
        )


def curate(schema: schema_pb2.Schema, inferred: schema_pb2.Schema) -> tuple[schema_pb2.Schema, list[str]]:
    """Returns the curated schema for the columns of this run, and the names of its fields that the run does not use.

    Shapes become counts of values, so that Transform reads every column in the same way; columns that only the run
    knows, such as those to slice by, are taken as inferred.
    """
    columns = {each.name for each in inferred.feature}
    result = schema_pb2.Schema()
    result.CopyFrom(schema)
    del result.feature[:]
    for feature in schema.feature:
        if feature.name not in columns:
            continue
        kept = result.feature.add()
        kept.CopyFrom(feature)
        if feature.HasField("shape"):
            size = 1
            for dimension in feature.shape.dim:
                size *= dimension.size
            kept.value_count.CopyFrom(schema_pb2.ValueCount(min=size, max=size))
    known = {each.name for each in schema.feature}
    for feature in inferred.feature:
        if feature.name not in known:
            _append(result, feature, inferred)
    return result, sorted(known - columns)


def _append(schema: schema_pb2.Schema, feature: schema_pb2.Feature, source: schema_pb2.Schema) -> None:
    """Adds a feature of another schema, with its domain."""
    schema.feature.add().CopyFrom(feature)
    taken = {each.name for each in schema.string_domain}
    schema.string_domain.extend(
        each for each in source.string_domain if each.name == feature.domain and each.name not in taken
    )


def update(schema_file: str, statistics_uri: str, splits: Sequence[str], spec: Spec) -> str:
    """Writes the inferred schema into the curated file for review: a new file, or new fields at the end of the old one.

    What the file holds stays as it is, comments included.

    Args:
        schema_file: the curated file; made when it is missing.
        statistics_uri: the folder of the statistics artifact.
        splits: its splits.
        spec: the run's spec.

    Returns:
        What was done, in a few lines.

    Raises:
        UserError: the file cannot be read or written, or is not a schema.
    """
    inferred = infer([_load(statistics_uri, split) for split in splits], spec)
    if not os.path.exists(schema_file):
        _replace(schema_file, text_format.MessageToString(inferred, as_utf8=True))
        return f"Wrote {schema_file} with {len(inferred.feature)} fields. Review it: later data must fit it."
    schema = parse(schema_file)
    known = {each.name: each for each in schema.feature}
    addition = schema_pb2.Schema()
    for feature in inferred.feature:
        if feature.name not in known:
            _append(addition, feature, inferred)
    added = [each.name for each in addition.feature]
    if added:
        old = pathlib.Path(schema_file).read_text(encoding="utf-8")
        _replace(schema_file, old.rstrip("\n") + "\n" + text_format.MessageToString(addition, as_utf8=True))
    return "\n".join(_summary(schema_file, added, known, {each.name: each for each in inferred.feature}))


def _summary(
    path: str,
    added: Sequence[str],
    known: dict[str, schema_pb2.Feature],
    inferred: dict[str, schema_pb2.Feature],
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
            file_type, data_type = (schema_pb2.FeatureType.Name(each.type) for each in (feature, inferred[name]))
            lines.append(
                f"{name}: {file_type} in the file, kept, and {data_type} in the data: one of them has to change"
            )
    return lines


def _replace(path: str, text: str) -> None:
    """Writes a file so that a reader sees the old text or the new one, whole."""
    folder = os.path.dirname(os.path.abspath(path))
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=folder, delete=False) as file:
            file.write(text)
        os.replace(file.name, path)
    except OSError as error:
        raise UserError(f"Cannot write the schema file {path}: {error}. Choose a place that is writable.") from None


def _load(statistics_uri: str, split: str) -> statistics_pb2.DatasetFeatureStatisticsList:
    path = os.path.join(statistics_uri, f"Split-{split}", stats_artifact_utils.BINARY_PB_BASENAME)
    return tfdv.load_stats_binary(path)


class Executor(base_executor.BaseExecutor):
    """Writes the schema of the run."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Infers the schema, or takes the curated one after a check.

        Raises:
            UserError: the curated schema cannot be read or does not fit.
        """
        statistics = artifact_utils.get_single_instance(input_dict["statistics"])
        output = artifact_utils.get_single_instance(output_dict["schema"])
        spec = Spec.from_json(exec_properties["spec"])
        splits = artifact_utils.decode_split_names(statistics.split_names)
        schema = infer([_load(statistics.uri, split) for split in splits], spec)
        finding = f"inferred, {len(schema.feature):,} fields"
        unused: list[str] = []
        path = exec_properties.get("schema_file")
        if path:
            curated = parse(path)
            check(curated, spec, path)
            schema, unused = curate(curated, schema)
            finding = f"curated by {os.path.basename(path)}, {len(schema.feature):,} fields"
            finding += f", {len(unused)} of the file not used" if unused else ""
        io_utils.write_pbtxt_file(os.path.join(output.uri, stock.DEFAULT_FILE_NAME), schema)
        findings.record(output, finding, curated=bool(path), unused=unused[:100])


class SchemaGenSpec(component_spec.ComponentSpec):  # type: ignore[misc]
    """What SchemaGen takes and gives."""

    PARAMETERS = {
        "spec": component_spec.ExecutionParameter(type=str),
        "schema_file": component_spec.ExecutionParameter(type=str, optional=True),
        "schema_digest": component_spec.ExecutionParameter(type=str, optional=True),
        "fingerprint": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {"statistics": component_spec.ChannelParameter(type=standard_artifacts.ExampleStatistics)}
    OUTPUTS = {"schema": component_spec.ChannelParameter(type=standard_artifacts.Schema)}


class SchemaGen(base_component.BaseComponent):  # type: ignore[misc]
    """The schema of the run.

    Args:
        statistics: the statistics of all splits.
        spec: `Spec.to_json()`.
        schema_file: a curated schema in text format, which wins over the inferred one.
        fingerprint: changes when the code does.
    """

    SPEC_CLASS = SchemaGenSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self, statistics: types.BaseChannel, spec: str, schema_file: str | None = None, fingerprint: str = ""
    ) -> None:
        digest = None
        if schema_file:
            parse(schema_file)
            digest = hashlib.sha256(pathlib.Path(schema_file).read_bytes()).hexdigest()
        super().__init__(
            SchemaGenSpec(
                statistics=statistics,
                spec=spec,
                schema_file=schema_file,
                schema_digest=digest,
                fingerprint=fingerprint,
                schema=types.Channel(type=standard_artifacts.Schema),
            )
        )
