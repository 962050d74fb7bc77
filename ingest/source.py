"""Describes a table that is read from files: the files, their dialect and columns, and the section `data:`."""

import dataclasses
import glob
from collections.abc import Mapping, Sequence

import pydantic

from core.config.sections import Data
from core.spec import Unit
from ingest import spans


@dataclasses.dataclass(frozen=True)
class Dialect:
    """The dialect of CSV files.

    Attributes:
        delimiter: the character between two fields of a row.
        quote: the character around a field that contains delimiters or line ends; empty for none.
        escape: the character before a quote inside a quoted field; usually the quote itself.
        header: whether the first row holds the names; otherwise they are column0, column1 and so on.
        encoding: the name of a Python codec; that of a file where its bytes do not tell.
        trim: whether the blanks around fields are taken away.
        decimal: the decimal separator of numbers.
        nulls: the texts that mean "missing", beside the empty field.
        date_format: the strptime format of dates and timestamps that are not ISO 8601, such as `%d/%m/%Y`.
    """

    delimiter: str = ","
    quote: str = '"'
    escape: str = '"'
    header: bool = True
    encoding: str = "utf-8"
    trim: bool = False
    decimal: str = "."
    nulls: tuple[str, ...] = ()
    date_format: str | None = None


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of the files.

    Attributes:
        name: as the query and the model name it.
        type: its DuckDB type, such as BIGINT, DOUBLE, VARCHAR or DOUBLE[].
        format: how values are written, where it is not the usual way: the strptime format of timestamps that are not
            ISO 8601, or the example `1,234.5` or `1.234,5` of numbers with marks of thousands.
        nulls: the texts that mean "missing" in this column, beside the empty field.
        unit: of moments: the unit in which a whole number counts from 1970-01-01 UTC.
        bounds: of moments: the least and the greatest whole number that can be in that unit.
        lenient: whether some texts may be written in another way than the usual one, which takes longer to read.
        held: the type in the files, where it is another one and the files have types.
        in_files: its name in the files, where it is another one: see `table_names`.
    """

    name: str
    type: str
    format: str | None = None
    nulls: tuple[str, ...] = ()
    unit: Unit | None = None
    bounds: tuple[int, int] | None = None
    lenient: bool = False
    held: str | None = None
    in_files: str | None = None

    @property
    def name_in_files(self) -> str:
        """The name in the files."""
        return self.in_files or self.name

    @property
    def type_in_files(self) -> str:
        """The type of the values in files that have types."""
        return self.held or self.type


@dataclasses.dataclass(frozen=True)
class Source:
    """A table: all that another process needs to read it with the same result.

    Attributes:
        files: absolute paths, in the order of the rows.
        columns: the columns of the files and of their folders, before the query.
        data: the section, in which `files` are absolute patterns, `format` is a name in READERS, `hive` names the
            columns of the folders and `csv` is empty.
        dialect: how CSV files are written.
    """

    files: tuple[str, ...]
    columns: tuple[Column, ...]
    data: Data
    dialect: Dialect = dataclasses.field(default_factory=Dialect)

    @property
    def format(self) -> str:
        """The format of the files, a name in READERS."""
        return str(self.data.format)

    @property
    def hive(self) -> tuple[str, ...]:
        """The columns that the names of folders hold."""
        return self.data.hive or ()

    @property
    def in_files(self) -> "Source":
        """The source with only the columns that the files hold."""
        columns = tuple(column for column in self.columns if column.name not in self.hive)
        return dataclasses.replace(self, columns=columns)

    def in_table(self, names: Sequence[str]) -> tuple[str, ...]:
        """Returns the names in the table of columns of the files."""
        renamed = {column.in_files: column.name for column in self.columns if column.in_files}
        return tuple(renamed.get(name, name) for name in names)

    @property
    def grows(self) -> bool:
        """Whether a later run may read some of these files again, together with new ones."""
        return any(spans.has_span(pattern) or glob.has_magic(pattern) for pattern in self.data.files)

    def to_json(self) -> str:
        """Returns the source as JSON: equal sources give equal texts."""
        return pydantic.TypeAdapter(Source).dump_json(self).decode()

    @classmethod
    def from_json(cls, text: str) -> "Source":
        """Returns the source that `to_json` wrote."""
        return pydantic.TypeAdapter(cls).validate_json(text)


def table_names(names: Sequence[str], trained: Mapping[str, str] | None = None) -> dict[str, str]:
    """Returns the names in the table of columns of files: SQL takes names that differ in case only for the same.

    Of such names the first one in the order of Python's strings stays, and the next are `NAME_2`, `NAME_3` and so on.

    Args:
        names: the names in the files, in any order.
        trained: the names in the table of columns that a model was trained on, by their names in its files. They stay,
            as far as the files have them.
    """
    of_files = set(names)
    found = {name: own for name, own in (trained or {}).items() if name in of_files}
    taken = {own.casefold() for own in found.values()}
    in_files = {name.casefold() for name in of_files}
    for name in sorted(of_files - set(found)):
        own, number = name, 1
        while own.casefold() in taken or (number > 1 and own.casefold() in in_files):
            number += 1
            own = f"{name}_{number}"
        found[name] = own
        taken.add(own.casefold())
    return found
