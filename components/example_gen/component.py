"""ExampleGen: reads files with DuckDB inside Beam's workers and writes them as Examples.

It extends TFX's FileBasedExampleGen, with its spans and versions. Beam carries work units, which say what to read of
which file, and never rows. The output is one Parquet file per unit and split; every row of the files is accounted for.
"""

import dataclasses
import functools
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions
from tfx import types
from tfx.components.example_gen import component as stock
from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_beam_component, base_beam_executor, executor_spec
from tfx.proto import example_gen_pb2, range_config_pb2
from tfx.types import artifact_utils, component_spec, standard_artifacts, standard_component_specs

from components.base import beam_errors, stage_report
from components.example_gen import dofns
from components.example_gen.driver import FILES_KEY, Driver, input_of
from core import storage
from core.config.sections import Split
from core.errors import UserError
from core.spec import Spec
from ingest import READERS, Source, discover, expand, rejects, work_units
from ingest.files import locate
from ingest.sql import quantiles, splits
from ingest.sql.payloads import PayloadEncoding, default_encoding, feature_encoding
from ingest.work_units import Counts, Plan, Unit, UnitReader

_UNIT_BYTES = 256 << 20
_FAR_OFF = 0.02  # the difference from the configured share of a split above which there is a warning


class Executor(base_beam_executor.BaseBeamExecutor):  # type: ignore[misc]
    """Divides the files into work units, reads them on Beam, and checks the result."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Writes `Split-NAME/part-NUMBER.parquet`, and `rejects.parquet` where rows were put aside.

        Raises:
            UserError: the data cannot be read or split as configured. The artifact is empty then.
        """
        artifact = artifact_utils.get_single_instance(output_dict[standard_component_specs.EXAMPLES_KEY])
        _empty(artifact.uri)  # files of an interrupted attempt would count as rows
        try:
            source = _found(exec_properties)
            artifact.set_string_custom_property("source", source.to_json())
            with beam_errors.unwrapped():
                divided = work_units.divide(source, _UNIT_BYTES)
                plan = self._plan(source, exec_properties, divided, artifact.uri)
                counts = self._write(plan, divided, artifact.uri)
            warnings = _check(plan, counts, artifact.uri)
        except BaseException:
            _empty(artifact.uri)  # an incomplete artifact must not be read
            raise
        artifact.split_names = artifact_utils.encode_split_names(list(splits.NAMES))
        examples_utils.set_payload_format(artifact, example_gen_pb2.PayloadFormat.FORMAT_PARQUET)
        examples_utils.set_file_format(artifact, "FILE_FORMAT_PARQUET")
        _record(artifact, counts, warnings)

    def _plan(self, source: Source, properties: Mapping[str, Any], divided: Sequence[Unit], uri: str) -> Plan:
        """Returns how the units are read; for a split by time, the times are read first to find the boundaries."""
        encodings = encodings_of(Spec.from_json(properties["spec"]))
        plan = Plan(source, encodings, Split.model_validate_json(properties["split"]))
        others = [column for column in json.loads(properties["slice_columns"]) if column not in plan.encodings]
        if others:
            with UnitReader(plan, divided[0]) as reader:
                found = {column: default_encoding(reader.type_of(column)) for column in others}
            plan = dataclasses.replace(plan, encodings={**plan.encodings, **found})
        if plan.split.by != "time":
            return plan
        return dataclasses.replace(plan, boundaries=self._boundaries(plan, divided, uri))

    def _boundaries(self, plan: Plan, divided: Sequence[Unit], uri: str) -> tuple[float, ...]:
        """Returns the times at which each split but the first begins."""
        extents = [extent for extent in self._answers(beam.Map(dofns.extent, plan), divided, uri) if extent]
        if not extents:
            raise UserError(
                f"The split is by time, and column {plan.split.column!r} has no value. "
                "Name another as `split: {column: ...}`."
            )
        lows, highs, numbers = zip(*extents, strict=True)
        search = quantiles.QuantileSearch(splits.shares(plan.split), min(lows), max(highs), int(sum(numbers)))
        while search.intervals:
            answers = self._answers(beam.Map(dofns.histograms, plan, search.intervals), divided, uri)
            search.take([quantiles.from_rows(rows) for rows in zip(*answers, strict=True)])
        return search.boundaries

    def _write(self, plan: Plan, divided: Sequence[Unit], uri: str) -> Counts:
        workers = PipelineOptions(self._beam_pipeline_args).view_as(DirectOptions).direct_num_workers
        threads = max(1, (os.cpu_count() or 1) // workers) if workers > 1 else None
        step = beam.ParDo(dofns.WriteUnit(plan, uri, sum(unit.size for unit in divided), threads))
        return sum((Counts(**counts) for counts in self._answers(step, divided, uri)), Counts())

    def _answers(self, step: beam.PTransform, divided: Sequence[Unit], uri: str) -> list[Any]:
        """Returns the results of a step over all units, which must be small JSON values."""
        path = os.path.join(uri, "answers.json")
        with self._make_beam_pipeline() as pipeline:
            _ = (
                pipeline
                | beam.Create(list(divided), reshuffle=False)
                | "Spread" >> beam.Reshuffle()
                | "Units" >> step
                | beam.combiners.ToList()
                | beam.Map(functools.partial(storage.write_json, path))
            )
        with open(path, encoding="utf-8") as stream:
            answers: list[Any] = json.load(stream)
        os.remove(path)
        return answers


def _found(properties: Mapping[str, Any]) -> Source:
    """Returns the source with the files that the driver has found; outside of a local run there is no driver.

    Where nothing is known of the columns, the files say what they are, and the spec which of them hold texts.
    """
    source = Source.from_json(properties["source"])
    if FILES_KEY in properties:
        return dataclasses.replace(source, files=tuple(json.loads(properties[FILES_KEY])))
    if not source.columns:
        encodings = encodings_of(Spec.from_json(properties["spec"]))
        return discover(
            source.data, {name: "VARCHAR" for name, encoding in encodings.items() if encoding.payload == "text"}
        )
    files = (file if storage.is_uri(file) else os.path.abspath(locate(file)) for file in source.data.files)
    data = source.data.model_copy(update={"files": tuple(files)})
    return dataclasses.replace(source, data=data, files=expand(data.files, data.spans))


def _empty(folder: str) -> None:
    """Empties a folder, and keeps it: TFX removes it where the execution failed, and fails itself if it is gone."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder, exist_ok=True)


def encodings_of(spec: Spec) -> dict[str, PayloadEncoding]:
    """Returns the encodings of the columns of a spec: features, label, weight."""
    found = {feature.name: feature_encoding(feature) for feature in spec.features}
    found[spec.label.name] = PayloadEncoding(spec.label.payload)
    if spec.weight is not None:
        found[spec.weight] = PayloadEncoding("float")
    return found


def _check(plan: Plan, counts: Counts, uri: str) -> list[str]:
    """Checks what was written, gathers the rejects in one file, and returns warnings.

    Raises:
        UserError: too many rows were put aside, or a split has no rows.
    """
    first = rejects.gather(uri, READERS[plan.source.format].unit)
    most = plan.source.data.max_bad_rows
    if counts.rejects > most * counts.read:
        raise UserError(
            f"{counts.rejects:,} of {counts.read:,} rows cannot be read, more than the {most:.2%} "
            f"that may be put aside. The first: {first[0]}. Correct them, or write `data: {{max_bad_rows: ...}}`."
        )
    total = sum(counts.splits.values())
    fractions = dict(plan.split.fractions)
    for name in splits.NAMES:
        if counts.splits.get(name, 0) == 0:
            shares = "" if plan.split.by == "column" else f" with a fraction of {fractions[name]:g}"
            raise UserError(
                f"Split {name!r} has no rows: {total:,} rows were split by {splits.description(plan.split)}{shares}. "
                "Every split needs some: give it more by `split: {fractions: {...}}`, split another way, or add data."
            )
    if plan.split.by == "column":
        return []
    found = {name: counts.splits[name] / total for name in splits.NAMES}
    return [
        f"Split {name} has {share:.1%} of the rows, and {fractions[name]:.1%} were asked for."
        for name, share in found.items()
        if abs(share - fractions[name]) > _FAR_OFF
    ]


def _record(artifact: types.Artifact, counts: Counts, warnings: Sequence[str]) -> None:
    line = " · ".join(f"{rows:,} {name}" for name, rows in counts.splits.items()) + " rows"
    if counts.rejects:
        line += f" · {counts.rejects:,} put aside"
    left_out = counts.read - counts.rejects - sum(counts.splits.values())
    rows = {"rows": dict(counts.splits), "rejects": counts.rejects}
    stage_report.record(artifact, line, {"data": rows}, warnings, **rows, read=counts.read, left_out=left_out)


class ExampleGenSpec(component_spec.ComponentSpec):  # type: ignore[misc]
    """Parameters and outputs of ExampleGen: those of FileBasedExampleGen, and the project's."""

    PARAMETERS = {
        **standard_component_specs.FileBasedExampleGenSpec.PARAMETERS,
        **{
            name: component_spec.ExecutionParameter(type=str)
            for name in ("source", "spec", "split", "slice_columns", "data_digest", "fingerprint")
        },
    }
    INPUTS: dict[str, Any] = {}
    OUTPUTS = standard_component_specs.FileBasedExampleGenSpec.OUTPUTS


class ExampleGen(stock.FileBasedExampleGen):  # type: ignore[misc]
    """Reads files as Examples, split into train, eval and test.

    Args:
        source: `Source.to_json()`.
        spec: `Spec.to_json()`: the columns of the Examples.
        split: the section `Split` as JSON.
        slice_columns: a JSON list of further columns to keep.
        data_digest: the digest of the content of the files when the run was planned.
        fingerprint: makes TFX's cache depend on the code.
        range_config: the spans; by default as many of the newest as the source asks for.
    """

    SPEC_CLASS = ExampleGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
    DRIVER_CLASS = Driver

    def __init__(
        self,
        source: str,
        spec: str,
        split: str = "{}",
        slice_columns: str = "[]",
        data_digest: str = "",
        fingerprint: str = "",
        range_config: range_config_pb2.RangeConfig | None = None,
    ) -> None:
        read = Source.from_json(source)
        base, config = "", example_gen_pb2.Input()
        if all(map(os.path.isabs, read.data.files)):  # others are found where the stage runs, without the driver
            base, config = input_of(read.data.files)
        if range_config is None and read.data.spans > 1:
            range_config = range_config_pb2.RangeConfig(
                rolling_range=range_config_pb2.RollingRange(num_spans=read.data.spans)
            )
        base_beam_component.BaseBeamComponent.__init__(
            self,
            spec=ExampleGenSpec(
                input_base=base,
                input_config=config,
                output_config=example_gen_pb2.Output(),
                output_data_format=example_gen_pb2.FORMAT_PARQUET,
                output_file_format=example_gen_pb2.FILE_FORMAT_PARQUET,
                range_config=range_config,
                source=source,
                spec=spec,
                split=split,
                slice_columns=slice_columns,
                data_digest=data_digest,
                fingerprint=fingerprint,
                examples=types.Channel(type=standard_artifacts.Examples),
            ),
        )
