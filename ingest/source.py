"""What a table is: its files, their format and column types, and the query over them, as one frozen value."""

import dataclasses
import glob
import json
from typing import Literal

from ingest import spans

Format = Literal["csv", "parquet", "jsonl", "tfrecord"]
OnBadRows = Literal["stop", "quarantine"]


@dataclasses.dataclass(frozen=True)
class Dialect:
    """How a CSV file is written.

    Attributes:
        delimiter: what separates the fields of a row, one character.
        quote: what a field with delimiters or line ends in it begins and ends with; empty for none.
        escape: what stands before a quote inside of a quoted field; usually the quote itself.
        header: whether the first row holds the names; otherwise they are column0, column1 and so on.
        encoding: a Python codec's name.
        decimal: what separates the fraction of a number.
        nulls: the texts that mean "missing" in every column, beside the empty field.
        date_format: how dates and timestamps are written where they are not ISO 8601, such as `%d/%m/%Y`.
    """

    delimiter: str = ","
    quote: str = '"'
    escape: str = '"'
    header: bool = True
    encoding: str = "utf-8"
    decimal: str = "."
    nulls: tuple[str, ...] = ()
    date_format: str | None = None


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of the files.

    Attributes:
        name: as the files and the query name it.
        type: its DuckDB type, such as BIGINT, DOUBLE, VARCHAR or DOUBLE[].
        format: timestamps that are not ISO 8601: their strptime format.
    """

    name: str
    type: str
    format: str | None = None


@dataclasses.dataclass(frozen=True)
class Source:
    """A table: everything that is needed to read it again, the same way, in another process.

    Attributes:
        files: absolute paths, in the order of the rows.
        format: how the files are written.
        columns: the columns of the files, before the query.
        query: SQL over the files, which it sees as the table `data`; None for all of it.
        dialect: CSV only: how the files are written.
        memory: the limit for DuckDB, such as `1GB`.
        on_bad_rows: whether a row that cannot be read is an error or is put aside.
        max_bad_rows: the share of such rows above which it is an error all the same.
        patterns: what `files` came from, globs and {SPAN} patterns included.
        num_spans: how many of the newest spans are read.
    """

    files: tuple[str, ...]
    format: Format
    columns: tuple[Column, ...]
    query: str | None = None
    dialect: Dialect = dataclasses.field(default_factory=Dialect)
    memory: str = "1GB"
    on_bad_rows: OnBadRows = "stop"
    max_bad_rows: float = 0.001
    patterns: tuple[str, ...] = ()
    num_spans: int = 1

    @property
    def grows(self) -> bool:
        """Whether a later run may read some of these files again beside new ones."""
        return any(spans.has_span(each) or glob.has_magic(each) for each in self.patterns)

    def to_json(self) -> str:
        """Returns the source as JSON with sorted keys: equal sources give equal texts."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Source":
        """Returns the source that `to_json` wrote."""
        fields = json.loads(text)
        dialect = fields.pop("dialect")
        columns = tuple(Column(**column) for column in fields.pop("columns"))
        return cls(
            files=tuple(fields.pop("files")),
            columns=columns,
            dialect=Dialect(**{**dialect, "nulls": tuple(dialect["nulls"])}),
            patterns=tuple(fields.pop("patterns")),
            **fields,
        )
