"""Detects the dialect of a CSV file, and the names of its columns, from its beginning."""

import codecs
import csv
import dataclasses
import io
import itertools
import re

from core.config_sections import Csv
from core.errors import UserError
from ingest import files
from ingest.readers.base import check_names
from ingest.readers.csv.segments import MAX_RECORD
from ingest.source import Dialect

_WITH_COMMA = re.compile(r"[+-]?([0-9]+|[1-9][0-9]{0,2}(\.[0-9]{3})+)(,[0-9]+)?")  # 3,5 or 1.234,5
_WITH_POINT = re.compile(r"[+-]?([0-9]+|[1-9][0-9]{0,2}(,[0-9]{3})+)(\.[0-9]+)?")
_SAMPLE = MAX_RECORD + 1
_ROWS = 200
_DELIMITERS = ",;\t|"
_QUOTES = (('"', '"'), ('"', "\\"), ("'", "'"))
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def detect(file: str, section: Csv) -> Dialect:
    """Returns the dialect of a file: what the section says, and for the rest what fits the first rows best.

    Raises:
        UserError: the file does not begin like a CSV file, or the encoding is unknown.
    """
    given = section.model_dump(exclude_none=True)
    text, whole, encoding = _sample(file, given.pop("encoding", None))
    choices = [
        Dialect(delimiter, quote, escape, encoding=encoding)
        for delimiter, (quote, escape) in itertools.product(_DELIMITERS, _QUOTES)
    ]
    fitting = [dataclasses.replace(choice, **given) for choice in choices]
    best = max(dict.fromkeys(fitting), key=lambda dialect: _fit(text, dialect, whole))
    if "decimal" in given or best.delimiter == "," or not _has_decimal_commas(_rows(text, best, whole)):
        return best
    return dataclasses.replace(best, decimal=",")


def _has_decimal_commas(rows: list[list[str]]) -> bool:
    """Returns whether a column of numbers has decimal commas, and points mark thousands or do not occur."""
    columns = [
        [cell.strip() for cell in column if cell.strip()] for column in itertools.zip_longest(*rows[1:], fillvalue="")
    ]
    forms = (_WITH_COMMA, _WITH_POINT)
    numbers = [column for column in columns if all(any(form.fullmatch(cell) for form in forms) for cell in column)]
    marked = [cell for column in numbers for cell in column if "," in cell or "." in cell]
    with_comma, with_point = (all(form.fullmatch(cell) for cell in marked) for form in forms)
    has_comma, has_point = (any(mark in cell for cell in marked) for mark in ",.")
    return has_comma and with_comma and not (has_point and with_point)


def header(file: str, dialect: Dialect) -> list[str]:
    """Returns the names of the columns.

    Raises:
        UserError: there are no names, two columns have the same one, or the first line is far too long to be a header.
    """
    text, whole, _ = _sample(file, dialect.encoding)
    first = next(iter(_rows(text, dialect, whole)), None)
    if first is None:
        if not whole:
            raise UserError(
                f"{file}, line 1: the line is longer than {MAX_RECORD:,} bytes. A header with the names of the columns "
                "was expected: is this a CSV file, with line ends?"
            )
        raise UserError(f"{file} holds only blank lines. A table with a header and rows was expected.")
    if not dialect.header:
        return [f"column{index}" for index in range(len(first))]
    names = [name.strip() or f"column{index}" for index, name in enumerate(first)]
    check_names(f"{file}, line 1", names)
    return names


def _sample(file: str, encoding: str | None) -> tuple[str, bool, str]:
    """Returns the text at the beginning of a file, whether it is the whole file, and its encoding."""
    sample = next(files.blocks(file, _SAMPLE), b"")
    encoding = encoding or next((name for bom, name in _BOMS if sample.startswith(bom)), "utf-8")
    try:
        codec = codecs.getincrementaldecoder(encoding)("replace")
    except LookupError:
        raise UserError(
            f"The encoding {encoding!r} is not known. Write a Python codec, such as "
            "`data: {csv: {encoding: latin-1}}`."
        ) from None
    return codec.decode(sample).removeprefix("\ufeff"), len(sample) < _SAMPLE, encoding


def _rows(text: str, dialect: Dialect, whole: bool, strict: bool = False) -> list[list[str]]:
    """Returns the first rows that are not blank, without the last one of a sample that is cut off.

    Raises:
        csv.Error: it is to be strict, and there is text behind a closing quote or a quote is never closed.
    """
    csv.field_size_limit(2 * _SAMPLE)
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=dialect.delimiter,
        quotechar=dialect.quote or None,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        doublequote=dialect.escape == dialect.quote,
        escapechar=None if dialect.escape in ("", dialect.quote) else dialect.escape,
        skipinitialspace=True,
        strict=strict,
    )
    rows = list(itertools.islice((row for row in reader if row), _ROWS + 1))
    return rows if whole or len(rows) > _ROWS else rows[:-1]


def _fit(text: str, dialect: Dialect, whole: bool) -> tuple[float, bool, int]:
    """Returns how well a dialect fits: the share of rows as wide as the header, clean quotes, the header's width.

    One column counts half: any delimiter that does not occur gives one.
    """
    if dialect.quote == "'" and (
        '"' in text or f"{dialect.delimiter}'" not in text.replace("\n'", f"{dialect.delimiter}'")
    ):
        return (0.0, False, 0)
    if dialect.escape not in ("", dialect.quote) and dialect.escape + dialect.quote not in text:
        return (0.0, False, 0)
    clean = True
    try:
        rows = _rows(text, dialect, whole, strict=True)
    except csv.Error:
        rows, clean = _rows(text, dialect, whole), False
    if not rows:
        return (0.0, clean, 0)
    width = len(rows[0])
    alike = round(sum(len(row) == width for row in rows) / len(rows), 1)
    return (alike if width > 1 else alike / 2, clean, width)
