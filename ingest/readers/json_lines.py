"""JSON lines as a DuckDB table of texts and lists of texts, every line of which is accounted for."""

import json
import os
from collections.abc import Iterator, Sequence
from typing import Any

import duckdb

from core.errors import UserError
from ingest import files
from ingest.readers.base import Part, Piece, check_names, num_lines_before, reject
from ingest.readers.csv import reader as csv_reader
from ingest.readers.csv.records import Record
from ingest.source import Column, Dialect
from ingest.sql.connection import first_row, glob_free, literal, name
from ingest.type_inference import infer

_NUMBERS = ("BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT", "DOUBLE")
_TIMES = ("DATE", "TIMESTAMP", "TIMESTAMP_NS")
_LISTS = {"BIGINT": "BIGINT[]", "UBIGINT": "BIGINT[]", "DOUBLE": "DOUBLE[]", "BOOLEAN": "BOOLEAN[]"}


def objects(paths: Sequence[str]) -> str:
    """Returns SQL for the lines as a column `json`, NULL for a line that is not an object."""
    listed = literal([glob_free(path) for path in paths])
    read = f"read_ndjson_objects({listed}, ignore_errors = true)"
    return f"SELECT CASE WHEN json_type(json) = 'OBJECT' THEN json END AS json FROM {read}"


def scan(paths: Sequence[str], columns: Sequence[Column]) -> str:
    """Returns SQL for the fields of the objects: texts, and lists of texts for list columns."""
    structure = {each.name: "JSON" if each.type.endswith("[]") else "VARCHAR" for each in columns}
    fields = ", ".join(_field(each) for each in columns)
    transformed = f"json_transform(json, {literal(json.dumps(structure))})"
    return f"SELECT {fields} FROM (SELECT {transformed} AS object FROM ({objects(paths)}) WHERE json IS NOT NULL)"


def _field(column: Column) -> str:
    field = f"object.{name(column.name)}"
    if not column.type.endswith("[]"):
        return f"{field} AS {name(column.name)}"
    as_list = (
        f"CASE json_type({field}) WHEN 'ARRAY' THEN {field}->>'$[*]' WHEN 'NULL' THEN NULL ELSE [{field}->>'$'] END"
    )
    return f"CASE WHEN {field} IS NOT NULL THEN {as_list} END AS {name(column.name)}"


def pieces(file: str, size: int) -> list[Piece]:
    """Returns the pieces of about so many bytes into which a file can be divided: at line ends."""
    total = os.path.getsize(file)
    if files.compression(file) or total < 1.5 * size:
        return [Piece(file, size=total)]
    cuts = [0]
    with open(file, "rb") as stream:
        while cuts[-1] + size < total:
            stream.seek(cuts[-1] + size - 1)
            stream.readline()
            cuts.append(stream.tell())
    ends = [*cuts[1:], total] if cuts[-1] < total else cuts[1:]
    return [Piece(file, start, end, size=end - start) for start, end in zip(cuts, ends, strict=False)]


def prepare(connection: duckdb.DuckDBPyConnection, piece: Piece, names: tuple[str, ...]) -> Part:
    """Returns a piece of which it is certain that DuckDB reads all its lines; lines that are no objects are rejects.

    Raises:
        UserError: DuckDB finds another number of lines than there is.
    """
    path = piece.file if piece.is_whole else csv_reader.cut(connection, piece)
    num_lines = sum(1 for _ in _lines(path))
    try:
        row = first_row(connection, f"SELECT count(*), count(json) FROM ({objects([path])})")
        bad = _not_objects(connection, path) if row[0] > row[1] else set()
    except duckdb.Error as error:
        raise UserError(
            f"{piece.file} cannot be read as JSON lines: {str(error).splitlines()[0]} "
            "One object on every line was expected."
        ) from error
    if row[0] != num_lines:
        raise UserError(
            f"{piece.file} cannot be read as JSON lines: it has {num_lines:,} lines, and {row[0]:,} values are in it. "
            "One object on every line was expected."
        )
    before = num_lines_before(piece) if bad else 0
    rejects = tuple(
        reject(piece.file, before + line, "the line is not a JSON object", text)
        for index, (line, text) in enumerate(_lines(path) if bad else (), start=1)
        if index in bad
    )
    return Part(piece, path, names, row[1], rejects=rejects)


def _not_objects(connection: duckdb.DuckDBPyConnection, file: str) -> set[int]:
    """Returns which values of the file, counted from 1, are not objects."""
    numbered = f"SELECT row_number() OVER () AS row, json FROM ({objects([file])})"
    return {row for (row,) in connection.execute(f"SELECT row FROM ({numbered}) WHERE json IS NULL").fetchall()}


def records_read(part: Part) -> Iterator[Record]:
    """Yields the lines that are the part's rows, in their order."""
    left_out = {reject.line for reject in part.rejects}
    before = num_lines_before(part.piece)
    for line, text in _lines(part.path):
        if before + line not in left_out:
            yield Record(before + line, text)


def _lines(file: str) -> Iterator[tuple[int, bytes]]:
    """Yields the lines that are not blank, with their numbers from 1."""
    number, tail = 1, b""
    for block in files.blocks(file):
        *lines, tail = (tail + block).split(b"\n")
        yield from ((number + index, line) for index, line in enumerate(lines) if line.strip())
        number += len(lines)
    if tail.strip():
        yield number, tail


def columns(connection: duckdb.DuckDBPyConnection, paths: Sequence[str]) -> tuple[Column, ...]:
    """Returns the keys of all objects with their types; what is mixed or nested is text.

    Raises:
        UserError: there is no object, or two keys differ in upper and lower case only.
    """
    row = first_row(connection, f"SELECT json_group_structure(json) FROM ({objects(paths)})")
    structure = json.loads(row[0]) if row[0] else None
    if not isinstance(structure, dict) or not structure:
        raise UserError(f"{paths[0]} holds no JSON object. One object on every line was expected.")
    check_names(paths[0], list(structure))
    first = [Column(key, _first_type(kind)) for key, kind in structure.items()]
    connection.execute(f"CREATE OR REPLACE TEMP VIEW json_texts AS {scan(paths, first)}")
    decided = {column.name: column for column in first}
    for types, keys in _groups(structure).items():
        decided |= {column.name: column for column in infer(connection, "json_texts", keys, Dialect(), types).columns}
    return tuple(decided.values())


def _first_type(kind: Any) -> str:
    if isinstance(kind, list):
        return _LISTS.get(kind[0], "VARCHAR[]") if isinstance(kind[0], str) else "VARCHAR"
    return "BOOLEAN" if kind == "BOOLEAN" else "VARCHAR"


def _groups(structure: dict[str, Any]) -> dict[tuple[str, ...], list[str]]:
    """Returns which types are to be thought of for which keys: a JSON string is never a number."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for key, kind in structure.items():
        if kind in _NUMBERS:
            groups.setdefault(("BIGINT", "DOUBLE"), []).append(key)
        elif kind == "VARCHAR":
            groups.setdefault(_TIMES, []).append(key)
        elif kind == "JSON":
            groups.setdefault(("BOOLEAN", "BIGINT", "DOUBLE"), []).append(key)
    return groups
