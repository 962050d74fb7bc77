"""Resolves the spans and versions of ExampleGen, lists the files to read, and computes the digest of their content.

TFX's own driver computes the digest from modification times, and resolves one span only.
"""

import copy
import glob
import json
import os
from collections.abc import Sequence
from typing import Any

from tfx.components.example_gen import driver as stock
from tfx.components.example_gen import input_processor
from tfx.orchestration import data_types
from tfx.proto import example_gen_pb2, range_config_pb2
from tfx.types import standard_component_specs
from tfx.utils import proto_utils

from core import digests
from core.errors import UserError
from ingest import Source, expand, files_in_query

FILES_KEY = "files"  # the execution property that holds the files to read, as a JSON list
_INPUT_KEY = standard_component_specs.INPUT_CONFIG_KEY
_RANGE_KEY = standard_component_specs.RANGE_CONFIG_KEY
_BASE_KEY = standard_component_specs.INPUT_BASE_KEY


def input_of(patterns: Sequence[str]) -> tuple[str, example_gen_pb2.Input]:
    """Returns the input_base and input_config for the absolute patterns, or paths, of a source."""
    base = os.path.commonpath([os.path.dirname(path.split("*")[0].split("?")[0].split("{")[0]) for path in patterns])
    splits = [
        example_gen_pb2.Input.Split(name=f"files_{index}", pattern=os.path.relpath(path, base))
        for index, path in enumerate(patterns)
    ]
    return base, example_gen_pb2.Input(splits=splits)


class Driver(stock.FileBasedDriver):  # type: ignore[misc]
    """Adds the files to the execution properties, and the digest of their content as TFX's input fingerprint."""

    def resolve_exec_properties(
        self,
        exec_properties: dict[str, Any],
        pipeline_info: data_types.PipelineInfo,
        component_info: data_types.ComponentInfo,
    ) -> dict[str, Any]:
        """Returns the execution properties with the patterns of the newest span, the files and their digest.

        Raises:
            UserError: no file matches a pattern.
        """
        inputs = example_gen_pb2.Input()
        proto_utils.json_to_proto(exec_properties[_INPUT_KEY], inputs)
        base = exec_properties[_BASE_KEY]
        source = Source.from_json(exec_properties["source"])
        joined = files_in_query(source.data.query)
        if not inputs.splits:  # TFX's driver lists no object store
            found = list(expand(source.data.files, source.data.spans))
            span = {stock.utils.SPAN_PROPERTY_NAME: 0, stock.utils.VERSION_PROPERTY_NAME: None}
            return {**exec_properties, **span, **_listed(found, joined)}
        spans = _spans(base, inputs, exec_properties.get(_RANGE_KEY))
        resolved = [
            super(Driver, self).resolve_exec_properties(
                {**exec_properties, _RANGE_KEY: span}, pipeline_info, component_info
            )
            for span in spans
        ]
        found = [file for properties in resolved for file in _files(base, properties[_INPUT_KEY])]
        exec_properties.update({**resolved[-1], _RANGE_KEY: exec_properties.get(_RANGE_KEY)})
        exec_properties.update(_listed(found, joined))
        return exec_properties


def _listed(found: Sequence[str], joined: Sequence[str]) -> dict[str, Any]:
    """Returns the execution properties of the files to read and of those that the query joins."""
    fingerprint = content_fingerprint([*found, *joined])
    return {FILES_KEY: json.dumps(found), stock.utils.FINGERPRINT_PROPERTY_NAME: fingerprint}


def _spans(base: str, inputs: example_gen_pb2.Input, text: str | None) -> list[str | None]:
    """Returns a range of one span for each span with data in the given range, which is all that TFX's driver reads."""
    given = range_config_pb2.RangeConfig()
    if text:
        proto_utils.json_to_proto(text, given)
    num_spans = given.rolling_range.num_spans if given.HasField("rolling_range") else 1
    if num_spans <= 1:
        return [text or None]
    newest = range_config_pb2.RangeConfig(rolling_range=range_config_pb2.RollingRange(num_spans=1))
    processor = input_processor.FileBasedInputProcessor(base, copy.deepcopy(inputs.splits), newest)
    last, _ = processor.resolve_span_and_version()
    ranges: list[str | None] = []
    for span in range(last - num_spans + 1, last + 1):
        one = range_config_pb2.StaticRange(start_span_number=span, end_span_number=span)
        static = range_config_pb2.RangeConfig(static_range=one)
        try:
            input_processor.FileBasedInputProcessor(
                base, copy.deepcopy(inputs.splits), static
            ).resolve_span_and_version()
        except ValueError:
            continue  # a span without data is left out
        ranges.append(proto_utils.proto_to_json(static))
    return ranges


def _files(base: str, text: str) -> list[str]:
    inputs = example_gen_pb2.Input()
    proto_utils.json_to_proto(text, inputs)
    found: dict[str, None] = {}
    for split in inputs.splits:
        pattern = os.path.join(base, split.pattern)
        matches = [pattern] if os.path.isfile(pattern) else sorted(glob.glob(pattern, recursive=True))
        matches = [path for path in matches if os.path.isfile(path)]
        if not matches:
            raise UserError(f"{pattern} matches no file. It did when the run began: has the data been moved?")
        found.update(dict.fromkeys(matches))
    return list(found)


def content_fingerprint(paths: Sequence[str]) -> str:
    """Returns the digest of the paths, contents and order of files."""
    return digests.of_values([(path, digests.of_file(path)) for path in paths])
