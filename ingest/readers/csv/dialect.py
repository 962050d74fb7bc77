"""Detects the dialect of a CSV file, and the names of its columns, from its beginning."""

import codecs
import csv
import dataclasses
import io
import itertools
import re

from core.config.sections import Csv
from core.errors import UserError
from ingest import files
from ingest.readers import encodings
from ingest.readers.base import check_names
from ingest.readers.csv.segments import MAX_RECORD
from ingest.source import Dialect

_WITH_COMMA = re.compile(r"[+-]?([0-9]+|[1-9][0-9]{0,2}(\.[0-9]{3})+)(,[0-9]+)?")  # 3,5 or 1.234,5
_WITH_POINT = re.compile(r"[+-]?([0-9]+|[1-9][0-9]{0,2}(,[0-9]{3})+)(\.[0-9]+)?")
_NUMBER = re.compile(r"[+-]?[0-9.,]+")
_SAMPLE = MAX_RECORD + 1
_ROWS = 200
_DELIMITERS = ",;\t|"
_QUOTES = (('"', '"'), ('"', "\\"), ("'", "'"))
_BLANKS = 0.9  # share of the fields beside a blank from which on blanks are part of how a file is written
_NOTE_FOR_EXCEL = re.compile(r'"?sep=.{1,2}"?', re.IGNORECASE)
_COMMENTS = ("#", "%", "//")


def detect(file: str, section: Csv) -> Dialect:
    """Returns the dialect of a file: what the section says, and for the rest what fits the first rows best.

    Raises:
        UserError: the file does not begin like a CSV file, or the encoding is unknown.
    """
    given = section.model_dump(exclude_none=True)
    encoding = encodings.of_file(file, given.pop("encoding", "utf-8"))
    text, whole = _sample(file, encoding)
    choices = [
        Dialect(delimiter, quote, escape, encoding=encoding)
        for delimiter, (quote, escape) in itertools.product(_DELIMITERS, _QUOTES)
    ]
    fitting = [dataclasses.replace(choice, **given) for choice in choices]
    best = max(dict.fromkeys(fitting), key=lambda dialect: _fit(text, dialect, whole))
    _check_first_line(file, text, best, fitting, whole)
    best = dataclasses.replace(best, trim=_has_blanks(text, best, whole))
    if "decimal" in given or best.delimiter == "," or not _has_decimal_commas(_rows(text, best, whole)):
        return best
    return dataclasses.replace(best, decimal=",")


def of_file(file: str, dialect: Dialect) -> Dialect:
    """Returns the dialect of a table with what may differ between its files: the encoding and the blanks."""
    encoding = encodings.of_file(file, dialect.encoding)
    text, whole = _sample(file, encoding)
    return dataclasses.replace(dialect, encoding=encoding, trim=dialect.trim or _has_blanks(text, dialect, whole))


def _has_blanks(text: str, dialect: Dialect, whole: bool) -> bool:
    """Returns whether blanks stand beside the delimiters, as in `39, State-gov, <=50K`."""
    rows = _rows(text, dialect, whole, skip_blanks=False)[1 if dialect.header else 0 :]
    behind = [field for row in rows for field in row[1:] if field]
    before = [field for row in rows for field in row[:-1] if field]
    blanks = ([field[0] == " " for field in behind], [field[-1] == " " for field in before])
    return any(sum(found) >= _BLANKS * len(found) > 0 for found in blanks)


def _check_first_line(file: str, text: str, best: Dialect, others: list[Dialect], whole: bool) -> None:
    """Raises UserError where the first line is a note for Excel, a title or a comment: the rows have other widths."""
    first = text.lstrip("\r\n").partition("\n")[0].rstrip("\r")
    if _NOTE_FOR_EXCEL.fullmatch(first):
        raise UserError(
            f"{file}, line 1: {first!r} tells Excel the delimiter, and a header was expected. Delete this line."
        )
    rows = _rows(text, best, whole)
    if not rows or (len(rows[0]) > 1 and _share(rows, len(rows[0])) > 0.5):
        return
    for dialect in dict.fromkeys([best, *others]):
        rows = _rows(text, dialect, whole)
        width = max({len(row) for row in rows[1:]}, key=lambda width: _share(rows, width), default=0)
        # One column of texts with commas in them looks like two columns without a header.
        is_table = width > 2 or (width == 2 and (first.startswith(_COMMENTS) or _has_header(rows[1:])))
        if is_table and len(rows[0]) != width and _share(rows[1:], width) >= 0.8:
            fields = f"{len(rows[0])} field{'s' * (len(rows[0]) > 1)}"
            raise UserError(
                f"{file}, line 1: {first[:80]!r} has {fields}, and the lines below have {width}. If it is a title or a "
                f"comment, delete what is above the header; if it is the header, name all {width} columns."
            )


def _has_header(rows: list[list[str]]) -> bool:
    """Returns whether the first row is of texts, and the others have a column of numbers."""
    numbers = [all(_NUMBER.fullmatch(cell.strip()) for cell in column) for column in zip(*rows[1:], strict=False)]
    return any(numbers) and not any(_NUMBER.fullmatch(cell.strip()) for cell in rows[0])


def _share(rows: list[list[str]], width: int) -> float:
    return sum(len(row) == width for row in rows) / len(rows)


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
    text, whole = _sample(file, dialect.encoding)
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


def _sample(file: str, encoding: str) -> tuple[str, bool]:
    """Returns the text at the beginning of a file, and whether it is the whole file."""
    sample = next(files.blocks(file, _SAMPLE), b"")
    text = codecs.getincrementaldecoder(encoding)("replace").decode(sample)
    return text.removeprefix("\ufeff"), len(sample) < _SAMPLE


def _rows(text: str, dialect: Dialect, whole: bool, strict: bool = False, skip_blanks: bool = True) -> list[list[str]]:
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
        skipinitialspace=skip_blanks,
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
