"""Reads JSON lines as DuckDB relations of texts and lists of texts; every line is a row or a reject."""

import codecs
import dataclasses
import itertools
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from core import storage
from core.errors import UserError
from core.text import clause
from ingest import files
from ingest.readers import encodings
from ingest.readers.base import Part, Piece, Reader, Record, check_names, cut, named_columns, num_lines_before
from ingest.rejects import Reject
from ingest.source import Column, Dialect, Source
from ingest.sql.connection import first_row, identifier, literal, paths_literal, temporary_file
from ingest.type_inference import TYPES_OF_TEXTS, infer

_EXPECTED = "One object on every line was expected, or one array of objects."
_ELEMENTS_AT_ONCE = 8_192
_NUMBERS = ("BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT", "DOUBLE")
_LISTS = {"BIGINT": "BIGINT[]", "UBIGINT": "BIGINT[]", "DOUBLE": "DOUBLE[]", "BOOLEAN": "BOOLEAN[]"}


class JsonLinesReader(Reader):
    """Reads files with one JSON object on every line, whose keys are the columns."""

    suffixes = (".jsonl", ".ndjson", ".json")
    holds_texts = True
    optional_columns = True
    no_columns = f"holds no JSON object. {_EXPECTED}"

    def columns(self, connection: duckdb.DuckDBPyConnection, source: Source) -> tuple[Column, ...]:
        """Returns the keys of all objects with their types; mixed and nested values are texts."""
        paths = [_as_lines(connection, file)[0] for file in source.files]
        row = first_row(connection, f"SELECT json_group_structure(json) FROM ({_objects(paths)})")
        structure = json.loads(row[0]) if row[0] else None
        if not isinstance(structure, dict) or not structure:
            return ()
        check_names(source.files[0], list(structure))
        named = named_columns(list(structure))
        first = [dataclasses.replace(column, type=_first_type(structure[column.name_in_files])) for column in named]
        connection.execute(f"CREATE OR REPLACE TEMP VIEW json_texts AS {_scan(paths, first)}")
        decided = {column.name: column for column in first}
        types_in_files = {column.name: structure[column.name_in_files] for column in named}
        for types, keys in _keys_by_types(types_in_files).items():
            inferred = infer(connection, "json_texts", keys, Dialect(), types)
            decided |= {column.name: column for column in inferred}
        return tuple(dataclasses.replace(decided[column.name], in_files=column.in_files) for column in named)

    def pieces(self, file: str, source: Source, size: int) -> list[Piece]:
        """Returns pieces that end at line ends; one for a compressed file."""
        if not files.is_divisible(file, size) or encodings.of_file(file) != "utf-8" or _is_array(file):
            return super().pieces(file, source, size)
        total, cuts = storage.size(file), [0]
        with storage.reaching(file), storage.open_binary(file) as stream:
            while cuts[-1] < total:
                stream.seek(cuts[-1] + size - 1)
                stream.readline()
                cuts.append(min(stream.tell(), total))
        return [Piece(file, start, end, size=end - start) for start, end in itertools.pairwise(cuts)]

    def prepare(self, connection: duckdb.DuckDBPyConnection, piece: Piece, source: Source) -> Part:
        """Returns a piece of which DuckDB reads every line; lines that are not objects are rejects."""
        path, unit = _as_lines(connection, piece.file) if piece.is_whole else (cut(connection, piece), self.unit)
        num_lines = sum(1 for _ in _lines(path))
        try:
            num_values, num_objects = first_row(connection, f"SELECT count(*), count(json) FROM ({_objects([path])})")
            bad = _not_objects(connection, path) if num_values > num_objects else set[int]()
        except duckdb.Error as error:
            raise UserError(f"{piece.file} cannot be read as JSON lines: {clause(error)}. {_EXPECTED}") from error
        if num_values != num_lines:
            raise UserError(
                f"{piece.file} cannot be read as JSON lines: it has {num_lines:,} lines, and {num_values:,} values are "
                f"in it. {_EXPECTED}"
            )
        before = num_lines_before(piece) if bad else 0
        rejects = tuple(
            Reject.from_bytes(piece.file, before + line, f"the {unit} is not a JSON object", text, unit)
            for index, (line, text) in enumerate(_lines(path) if bad else (), start=1)
            if index in bad
        )
        names = tuple(column.name for column in source.columns)  # a key may be missing in any object
        return Part(piece, path, names, num_objects, rejects=rejects, unit=unit)

    def scan(self, parts: Sequence[Part], columns: Sequence[Column]) -> str:
        """Returns SQL for the fields of the objects: texts, and lists of texts for list columns."""
        return _scan([part.path for part in parts], columns)

    def records(self, part: Part) -> Iterator[Record]:
        """Yields the lines of the objects."""
        rejected = {reject.line for reject in part.rejects}
        before = num_lines_before(part.piece)
        for line, text in _lines(part.path):
            if before + line not in rejected:
                yield Record(before + line, text)


def _as_lines(connection: duckdb.DuckDBPyConnection, file: str) -> tuple[str, str]:
    """Returns a path of the file's objects in UTF-8, one on every line, and the unit in which they are counted.

    Raises:
        UserError: the file is an array that is cut or damaged, or is not in its encoding.
    """
    encoding = encodings.of_file(file)
    path = file if encoding == "utf-8" else encodings.to_utf8(connection, file, encoding, ".jsonl")
    if not _is_array(path):
        return path, "line"
    copy = temporary_file(connection, ".jsonl")
    elements = f"SELECT json(json)::VARCHAR AS json FROM read_json_objects({paths_literal([path])}, format = 'array')"
    try:
        with open(copy, "w", encoding="utf-8") as stream:
            for batch in connection.sql(elements).to_arrow_reader(_ELEMENTS_AT_ONCE):
                stream.writelines(f"{element}\n" for element in batch.column(0).to_pylist())
    except (duckdb.Error, pa.ArrowException, OSError) as error:  # the latter two where DuckDB streams rows as Arrow
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the copy cannot be written
        raise UserError(
            f"{file} cannot be read as a JSON array: {clause(error)}. An array of objects was expected, or "
            "one object on every line."
        ) from error
    return copy, "record"


def _is_array(file: str) -> bool:
    """Returns whether a file is one array of objects, perhaps over many lines, and not JSON lines."""
    beginning = next(files.blocks(file, 1 << 16), b"").removeprefix(codecs.BOM_UTF8).lstrip()
    return re.match(rb"\[\s*(\{|\]\s*$)", beginning) is not None


def _objects(paths: Sequence[str]) -> str:
    """Returns SQL for the lines as a column `json`, NULL for a line that is not an object."""
    read = f"read_ndjson_objects({paths_literal(paths)}, ignore_errors = true, hive_partitioning = false)"
    return f"SELECT CASE WHEN json_type(json) = 'OBJECT' THEN json END AS json FROM {read}"


def _scan(paths: Sequence[str], columns: Sequence[Column]) -> str:
    # A struct of SQL cannot have names that differ in case only.
    structure = {
        column.name: "JSON" if column.type.endswith("[]") else "VARCHAR" for column in columns if not column.in_files
    }
    fields = ", ".join(map(_field, columns))
    transformed = f"json_transform(json, {literal(json.dumps(structure))})" if structure else "NULL"
    objects = f"SELECT json, {transformed} AS object FROM ({_objects(paths)}) WHERE json IS NOT NULL"
    return f"SELECT {fields} FROM ({objects})"


def _field(column: Column) -> str:
    field = f"object.{identifier(column.name)}"
    if column.in_files:
        pointer = literal("/" + column.in_files.replace("~", "~0").replace("/", "~1"))
        field = f"(json {'->' if column.type.endswith('[]') else '->>'} {pointer})"
    if not column.type.endswith("[]"):
        return f"{field} AS {identifier(column.name)}"
    as_list = (
        f"CASE json_type({field}) WHEN 'ARRAY' THEN {field}->>'$[*]' WHEN 'NULL' THEN NULL ELSE [{field}->>'$'] END"
    )
    return f"CASE WHEN {field} IS NOT NULL THEN {as_list} END AS {identifier(column.name)}"


def _not_objects(connection: duckdb.DuckDBPyConnection, file: str) -> set[int]:
    """Returns which values of the file, counted from 1, are not objects."""
    numbered = f"SELECT row_number() OVER () AS row, json FROM ({_objects([file])})"
    return {row for (row,) in connection.execute(f"SELECT row FROM ({numbered}) WHERE json IS NULL").fetchall()}


def _lines(file: str) -> Iterator[tuple[int, bytes]]:
    """Yields the lines that are not blank, with their numbers from 1."""
    number, tail = 1, b""
    for block in files.blocks(file):
        *lines, tail = (tail + block).split(b"\n")
        yield from ((number + index, line) for index, line in enumerate(lines) if line.strip())
        number += len(lines)
    if tail.strip():
        yield number, tail


def _first_type(json_type: Any) -> str:
    """Returns the type as which a key's values are read first, before they are looked at."""
    if isinstance(json_type, list):
        return _LISTS.get(json_type[0], "VARCHAR[]") if isinstance(json_type[0], str) else "VARCHAR"
    return "BOOLEAN" if json_type == "BOOLEAN" else "VARCHAR"


def _keys_by_types(structure: dict[str, Any]) -> dict[tuple[str, ...], list[str]]:
    """Returns the keys to infer types for, by the types to choose from: a JSON string of digits is no number."""
    keys: dict[tuple[str, ...], list[str]] = {}
    for key, json_type in structure.items():
        if json_type in _NUMBERS:
            keys.setdefault(("BIGINT", "DOUBLE"), []).append(key)
        elif json_type == "VARCHAR":
            keys.setdefault(TYPES_OF_TEXTS, []).append(key)
        elif json_type == "JSON":
            keys.setdefault(("BOOLEAN", "BIGINT", "DOUBLE"), []).append(key)
    return keys
