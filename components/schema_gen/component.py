"""SchemaGen: what every column must look like, inferred from the statistics or taken from a curated file.

An inferred schema describes the data it comes from, so it never stops the run that made it. A curated one is a
promise about all later data: it wins, after a check that it fits the features of the run.
"""

import hashlib
import os
import pathlib
from typing import Any

from tfx import types
from tfx.components.schema_gen import executor as stock
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.utils import io_utils

from components.base import stage_report
from components.schema_gen import curated_schema
from components.schema_gen.curated_schema import update
from components.schema_gen.inferred_schema import infer
from core.spec import Spec

__all__ = ["Executor", "SchemaGen", "SchemaGenSpec", "update"]


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
        schema = infer([curated_schema.load_statistics(statistics.uri, split) for split in splits], spec)
        finding = f"inferred, {len(schema.feature):,} fields"
        unused: list[str] = []
        path = exec_properties.get("schema_file")
        if path:
            curated = curated_schema.parse(path)
            curated_schema.check(curated, spec, path)
            schema, unused = curated_schema.curate(curated, schema)
            finding = f"curated by {os.path.basename(path)}, {len(schema.feature):,} fields"
            finding += f", {len(unused)} of the file not used" if unused else ""
        io_utils.write_pbtxt_file(os.path.join(output.uri, stock.DEFAULT_FILE_NAME), schema)
        stage_report.record(output, finding, curated=bool(path), unused=unused[:100])


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
            curated_schema.parse(schema_file)
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
