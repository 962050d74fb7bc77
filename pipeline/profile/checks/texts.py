"""Warns of texts, and of whole numbers such as 20240131, that look like numbers or dates, with queries for them."""

import datetime
import re
from collections.abc import Iterator, Sequence

import pyarrow.compute as pc

from core.config.sections import FeatureOptions
from ingest.sql.texts import DATE_OF_DIGITS
from ingest.type_inference import DATE_FORMATS
from pipeline.config.settings import Settings
from pipeline.profile.checks.correction import Correction, Message
from pipeline.profile.queries.table_queries import name_in_query
from pipeline.profile.table_inference import Inferred
from pipeline.profile.table_profile import TableProfile

_MOST_TEXTS = 1_000  # that are looked at
_FEWEST_TEXTS = 20  # fewer numbers may be names, such as versions
_MOSTLY = 0.9
_SIGNS = r"\s*[-+(]?\s*[$€£¥₹]?\s*[-+]?"
_NUMBERS = {  # the decimal separator, and the numbers that have it
    ".": re.compile(rf"{_SIGNS}([1-9]\d{{0,2}}([,'’ ]\d{{3}})+|(?!0\d)\d+)?(\.\d*)?\s*[%$€£¥₹]?\)?\s*"),
    ",": re.compile(rf"{_SIGNS}([1-9]\d{{0,2}}([.'’ ]\d{{3}})+|(?!0\d)\d+)?(,\d*)?\s*[%$€£¥₹]?\)?\s*"),
}
_LIKE_A_DATE = re.compile(r"\s*(\d{1,2}[/. -](\d{1,2}|[A-Za-z]{3,9})[/. -]|[A-Za-z]{3,9} \d{1,2},? |(19|20)\d\d)\d\d.*")
_DAY_OF_DIGITS = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")


def texts_are_no_numbers_or_dates(settings: Settings, table: TableProfile, inferred: Inferred) -> Iterator[Message]:
    """Warns of texts without a configured role that are numbers or dates, written in another way than usual."""
    for name in inferred.roles:
        column, options = table.columns[name], settings.features.get(name, FeatureOptions())
        if options.kind is None and column.type_class == "integer" and column.distinct > 1:
            if all(_DAY_OF_DIGITS.fullmatch(str(value)) for value in (column.low, column.high)):
                sql = f"TRY_STRPTIME({name_in_query(name)}::VARCHAR, '{DATE_OF_DIGITS}')"
                yield Correction(f"`{name}` may hold dates, such as {column.low}. To read them so", {name: sql})
        elif options.kind is None:
            yield from reading(table, name)


def reading(table: TableProfile, name: str) -> Iterator[Message]:
    """Yields what to do with a column of texts that may be read as numbers or dates, if it is one."""
    if table.columns[name].type_class != "text" or table.sample is None or name not in table.sample.column_names:
        return
    found = pc.unique(table.sample[name]).drop_null()[:_MOST_TEXTS].to_pylist()
    texts = [text for text in found if re.search(r"\d", text)]
    readings = _readings(name_in_query(name), texts) if len(texts) >= _MOSTLY * len(found) else {}
    if not readings:
        return
    message = f"The texts of `{name}`, such as {texts[0]!r}, may be read (others become missing) as"
    corrections = [Correction(f"{message} {how}", {name: sql}) for how, sql in readings.items()]
    # No one query is right where there are several readings.
    yield from corrections if len(corrections) == 1 else (correction.advice(table) for correction in corrections)


def _readings(value: str, texts: Sequence[str]) -> dict[str, str]:
    """Returns the ways to read most of the texts, and SQL for each; a text that is not so written becomes null."""
    most = _MOSTLY * len(texts)
    like_dates = [text for text in texts if _LIKE_A_DATE.fullmatch(text)]
    forms = (*DATE_FORMATS, DATE_OF_DIGITS) if len(like_dates) >= most > 0 else ()
    dates = [form for form in forms if sum(_is_date(text, form) for text in like_dates) >= most]
    if dates:
        return {f"dates of the form {form}": f"TRY_STRPTIME({value}, '{form}')" for form in dates}
    if len(texts) <= _FEWEST_TEXTS:
        return {}
    fits = {point: sum(bool(form.fullmatch(text)) for text in texts) for point, form in _NUMBERS.items()}
    if not any("," in text or "." in text for text in texts):
        fits = {".": fits["."]}
    return {
        f"numbers with the decimal separator `{point}`": _number(value, point, any("(" in text for text in texts))
        for point, count in fits.items()
        if count >= most and count == max(fits.values())
    }


def _is_date(text: str, form: str) -> bool:
    try:
        return datetime.datetime.strptime(text.strip(), form).year >= 1900
    except ValueError:
        return False


def _number(value: str, point: str, parentheses: bool) -> str:
    negative = rf"regexp_replace({value}, '^\s*\(', '-')" if parentheses else value
    digits = f"regexp_replace({negative}, '[^0-9{point}+-]', '', 'g')"
    return f"TRY_CAST({digits} AS DOUBLE)" if point == "." else f"TRY_CAST(replace({digits}, ',', '.') AS DOUBLE)"
