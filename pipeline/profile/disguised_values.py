"""Finds columns of texts or whole numbers that may be numbers or dates, and tells how to read them so."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import ingest
from pipeline.config.settings import set_flag
from pipeline.profile.column_profile import ColumnProfile

_MOST, _FEW = 0.8, 20
_NUMBER = r"^\s*[+-]?\(?[$€£¥₹]?\s?[+-]?([0-9][0-9., '’]*|[.,][0-9]+)\s?[$€£¥₹]?%?\)?\s*$"
_CODE = r"^0[0-9]|[0-9]\.[0-9]+\.[0-9]+\."  # leading zeros, and addresses of computers
_DATE = r"^\s*[0-9]{1,2}[./-][0-9]{1,2}[./-]([0-9]{2}|[0-9]{4})(\s.*)?$"
_DAY_OF_DIGITS = re.compile(r"(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])")


def warnings(sample: Any, columns: Mapping[str, ColumnProfile], query: str | None, has_dialect: bool) -> Iterator[str]:
    """Yields a line for each column whose values look like those of another type.

    Args:
        sample: a pyarrow.Table of some rows.
        columns: the profiles of the columns to look at, by name.
        query: the SQL of the configuration, if there is one.
        has_dialect: whether the files are CSV, whose date format can be set.
    """
    for name, column in columns.items():
        quoted, problem = ingest.identifier(name), None
        if column.type == "VARCHAR" and column.distinct > _FEW and name in sample.column_names:
            problem = _texts_of(sample.column(name).drop_null(), quoted)
        elif column.type_class == "integer" and column.distinct > 1 and _are_days(column):
            problem = "dates", str(column.low), f"strptime({quoted}::VARCHAR, '%Y%m%d')"
        if problem is not None:
            what, example, value = problem
            flag = set_flag("data", "query", value=f"SELECT * REPLACE ({value} AS {quoted}) FROM {_table(query)}")
            if what == "dates" and has_dialect and column.type == "VARCHAR":
                flag = set_flag("data", "csv", "date_format", value=value.split("'")[1])
            first = ", if the month comes first" if column.type == "VARCHAR" and what == "dates" else ""
            yield f"`{name}` may hold {what}, such as {example!r}. To read them so{first}: {flag}"


def _texts_of(texts: Any, quoted: str) -> tuple[str, str, str] | None:
    """Returns what most texts may be, an example and SQL for the value; None where they are texts."""
    import pyarrow.compute as pc  # takes long to import

    share = {pattern: pc.mean(pc.match_substring_regex(texts, pattern)).as_py() or 0 for pattern in (_DATE, _NUMBER)}
    if share[_DATE] > _MOST:
        example = texts.filter(pc.match_substring_regex(texts, _DATE))[0].as_py()
        year = "%Y" if re.search("[0-9]{4}", example) else "%y"
        mark = re.sub("[0-9]", "", example)[0]
        time = example.strip().partition(" ")[2].count(":")
        written = f"%m{mark}%d{mark}{year}{('', ' %H:%M', ' %H:%M:%S')[min(time, 2)]}"
        return "dates", example, f"try_strptime({quoted}, '{written}')"
    if share[_NUMBER] > _MOST and not pc.any(pc.match_substring_regex(texts, _CODE)).as_py():
        example = texts.filter(pc.match_substring_regex(texts, _NUMBER))[0].as_py()
        return "numbers", example, f"TRY_CAST(regexp_replace({quoted}, '[^0-9.eE+-]', '', 'g') AS DOUBLE)"
    return None


def _are_days(column: ColumnProfile) -> bool:
    return all(_DAY_OF_DIGITS.fullmatch(str(value)) for value in (column.low, column.high))


def _table(query: str | None) -> str:
    return "data" if query is None else f"({query.rstrip().rstrip(';')})"
