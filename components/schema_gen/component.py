"""SchemaGen: infers the schema of the columns from the statistics, or takes the curated schema file.

An inferred schema fits the data that it is inferred from, so it never stops its own run. A curated schema states what
later data must look like: it is used in place of the inferred one, after a check that it fits the run's features.
"""

import os

from tfx.components.schema_gen import executor as stock
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import io_utils

from components.base import stage_report
from components.schema_gen import curated_schema, inferred_schema
from core.spec import Spec


@component
def SchemaGen(
    statistics: InputArtifact[standard_artifacts.ExampleStatistics],
    schema: OutputArtifact[standard_artifacts.Schema],
    spec: Parameter[str],
    schema_file: Parameter[str],
    schema_digest: Parameter[str],
    fingerprint: Parameter[str],
) -> None:
    """Writes the schema of the run.

    Args:
        statistics: the statistics of all splits.
        schema: the output.
        spec: `Spec.to_json()`.
        schema_file: a curated schema in protobuf text format; empty for none.
        schema_digest: the digest of its content, on which the cache depends.
        fingerprint: makes TFX's cache depend on the code.

    Raises:
        UserError: the curated schema cannot be read or does not fit the features.
    """
    features = Spec.from_json(spec)
    splits = artifact_utils.decode_split_names(statistics.split_names)
    result = inferred_schema.infer(
        [curated_schema.load_statistics(statistics.uri, split) for split in splits], features
    )
    line = f"inferred, {len(result.feature):,} fields"
    unused: list[str] = []
    if schema_file:
        curated = curated_schema.parse(schema_file)
        curated_schema.check(curated, features, schema_file)
        result, unused = curated_schema.curate(curated, result)
        line = f"curated by {os.path.basename(schema_file)}, {len(result.feature):,} fields"
        line += f", {len(unused)} of the file not used" if unused else ""
    io_utils.write_pbtxt_file(os.path.join(schema.uri, stock.DEFAULT_FILE_NAME), result)
    stage_report.record(schema, line, curated=bool(schema_file), unused=unused[:100])
