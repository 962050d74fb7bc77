"""Infers the role of each column from its statistics, and applies what the configuration says of it. Pure functions."""

import dataclasses
import datetime
import re
from collections.abc import Mapping

from core.config.sections import FeatureOptions, Role
from core.spec import EXACT_DOUBLE, PER_SECOND, Payload, Unit
from ingest.sql import moments
from pipeline.config.settings import Settings
from pipeline.profile.column_profile import ColumnProfile, natural_payload, short
from pipeline.profile.value_order import Order

# The types in which Examples can hold each role, the preferred one first.
PAYLOADS: dict[Role, tuple[Payload, ...]] = {
    "numeric": ("float", "int", "double"),
    "categorical": ("text", "int"),
    "text": ("text",),
    "timestamp": ("int",),
    "ignore": ("text", "float", "int", "double"),
}

_IDENTIFIER_NAME = r"(^|_)(id|ids|uuid|guid|key|index|idx|row|rownum|number|no|nr|num|pk|unnamed)(_|$|\d)|^$|[a-z]Id$"
_CODE_NAME = r"(^|_)(zip|zipcode|postcode|postal|code|zone|tract|region|district|ward|precinct|id|fips|naics|sic)(_|$)"
_TIME_NAME = r"(^|_)(time|date|datetime|timestamp|ts|at|epoch|created|updated|when|day)(_|$)|[a-z](Time|Date|At)$"
_FIRST_YEAR, _LAST_YEAR = 1980, 2100

# Whole numbers up to here are exact as float32, which is what a numeric feature becomes.
_EXACT_FLOAT = 2**24
_FEW = 32
_VERY_FEW = 10
_ROWS_PER_VALUE = 20
_FEWEST_ROWS_PER_CODE = 5


@dataclasses.dataclass(frozen=True)
class InferredRole:
    """The role of a column, how Examples hold its values, and why."""

    kind: Role
    payload: Payload
    reason: str
    unit: Unit | None = None
    repeated: bool = False
    also_numeric: bool = False


NEW = InferredRole("ignore", "text", "new, the configuration does not name it")


def infer_roles(
    settings: Settings, columns: Mapping[str, ColumnProfile], orders: Mapping[str, Order]
) -> dict[str, InferredRole]:
    """Returns the role of every column other than the label and the weight, in the table's order.

    Args:
        settings: the configuration.
        columns: the profile of each column.
        orders: whether the label follows the order of whole numbers, where it is clear.
    """
    by_split = {"column": "it says which split a row is in", "group": "it says which rows stay together in a split"}
    roles = {}
    for name, column in columns.items():
        options = settings.features.get(name)
        if name in (settings.label, settings.weight):
            continue
        if options is None and name == settings.split.column and settings.split.by in by_split:
            roles[name] = InferredRole("ignore", "text", by_split[settings.split.by])
        elif options is None and settings.other_columns == "ignore":
            roles[name] = NEW
        else:
            roles[name] = configured_role(column, options, orders.get(name))
    return roles


def configured_role(column: ColumnProfile, options: FeatureOptions | None, order: Order | None = None) -> InferredRole:
    """Returns the role of a column: what the configuration says of it, and the rest by the column's statistics.

    The checks find whether the role fits the column.
    """
    inferred = infer_role(column, order)
    if options is None or options == FeatureOptions():
        return inferred
    kind = options.kind or inferred.kind
    reason = "by the configuration" if options.kind else inferred.reason
    if kind == "ignore":
        return dataclasses.replace(inferred, kind="ignore", reason=reason)
    payload = options.type or _payload(kind, column)
    if (kind, payload) != (inferred.kind, inferred.payload):
        reason = "by the configuration"
    unit = (options.unit or natural_unit(column)) if kind == "timestamp" else None
    repeated = column.type_class == "list"
    inferred_both = inferred.also_numeric and options.kind is None
    both = inferred_both if options.also_numeric is None else options.also_numeric
    also_numeric = both and (kind, payload, repeated) == ("categorical", "int", False)
    return InferredRole(kind, payload, reason, unit, repeated, also_numeric)


def _payload(kind: Role, column: ColumnProfile) -> Payload:
    """Returns how Examples hold the values of this column in this role."""
    natural = natural_payload(column)
    if kind == "categorical" and natural == "float":
        return "int" if column.whole else "text"
    return natural if natural in PAYLOADS[kind] else PAYLOADS[kind][0]


def infer_role(column: ColumnProfile, order: Order | None = None) -> InferredRole:
    """Returns the role of a column that the configuration does not name; `order` is that of `orders`."""
    if not column.present or column.null_in_train:
        reason = "no row of train has a value" if column.present else "no row has a value"
        return InferredRole("ignore", natural_payload(column), reason)
    if column.distinct <= 1 and column.type_class not in ("list", "nested", "binary"):
        constant = _constant(column)
        if constant:
            return constant
    by_class = {
        "integer": lambda column: _integer(column, order),
        "float": _float,
        "boolean": lambda column: InferredRole("categorical", "int", "true or false"),
        "timestamp": _timestamp,
        "text": _text,
        "list": _list,
    }
    inner = column.type_class
    if inner in by_class:
        return by_class[inner](column)
    advice = {
        "time": "a time of day; take hour(...) of it in a query to use it",
        "nested": f"nested values ({short(column.type)}); take fields of it in a query to use them",
        "binary": "binary content",
    }
    return InferredRole("ignore", "text", advice[inner])


def _constant(column: ColumnProfile) -> InferredRole | None:
    missing = column.rows - column.present
    rare = max(5, column.rows // 1_000)
    if missing and min(missing, column.present) >= rare:
        return None
    also = f" or missing ({missing:,} of {column.rows:,})" if missing else ""
    return InferredRole("ignore", natural_payload(column), f"constant: always {short(column.low)}{also}")


def _integer(column: ColumnProfile, order: Order | None) -> InferredRole:
    payload = natural_payload(column)
    codes: Payload = payload if max(-column.low, column.high) <= EXACT_DOUBLE else "text"
    count = f"{column.distinct:,} different whole numbers"
    if column.distinct == 2:
        return InferredRole("categorical", codes, f"two values, {column.low} and {column.high}")
    unit = _epoch_unit(column)
    if unit:
        reason = f"named like a time, and {_span(column, unit)} in {unit} since 1970"
        return InferredRole("timestamp", payload, reason, unit)
    if column.unique and _is_identifier(column):
        return InferredRole("ignore", payload, "identifier: another whole number on every row")
    if payload == "text":
        return InferredRole("categorical", codes, "whole numbers beyond 64 bits, taken as texts")
    why = _category(column, order)
    if why is not None:
        unclear = why == "" and order != "unordered" and codes == "int"
        also = ", whose amount is an input too" if unclear else ""
        return InferredRole("categorical", codes, f"{count}{why}{also}", also_numeric=unclear)
    follows = ", and the label follows their order" if order in ("monotone", "ordered") else ""
    return InferredRole("numeric", payload, f"{count}, {column.low} to {column.high}{follows}")


def _category(column: ColumnProfile, order: Order | None) -> str | None:
    """Returns why whole numbers are categories, as the end of a sentence; None where they are amounts."""
    rows_per_value = column.present / column.distinct
    dense = column.high - column.low < 2 * column.distinct
    very_few = column.distinct <= _VERY_FEW
    few = very_few or (column.distinct <= _FEW and dense)
    if re.search(_CODE_NAME, column.name, re.IGNORECASE) and rows_per_value >= 2:
        return ", named like a code"
    if few and rows_per_value >= _ROWS_PER_VALUE and (order != "monotone" or (very_few and dense)):
        return ""
    if order == "unordered" and rows_per_value >= _FEWEST_ROWS_PER_CODE:
        return f", {column.low} to {column.high}, and the label depends on each value but not on their order"
    if order is not None:
        return None
    if column.name.casefold().endswith("area") and dense and column.low in (0, 1) and rows_per_value >= 2:
        return ", named like a code"
    same_length = len(str(column.low)) == len(str(column.high))
    if column.low > _EXACT_FLOAT and same_length and rows_per_value >= 10:
        return f" of {len(str(column.low))} digits, too long to be amounts"
    return None


def _is_identifier(column: ColumnProfile) -> bool:
    if re.search(_IDENTIFIER_NAME, column.name, re.IGNORECASE):
        return True
    dense = column.high - column.low + 1 <= 1.1 * column.present  # row numbers, some of which may be absent
    return column.present >= _ROWS_PER_VALUE and dense


def _epoch_unit(column: ColumnProfile) -> Unit | None:
    """Returns the unit in which whole numbers count from 1970, where name and range say that they do."""
    if column.low is None or not re.search(_TIME_NAME, column.name, re.IGNORECASE):
        return None
    first, last = ((year - 1970) * 31_556_952 for year in (_FIRST_YEAR, _LAST_YEAR))
    fits = (unit for unit, per in PER_SECOND.items() if first * per <= column.low and column.high <= last * per)
    return next(fits, None)


def _span(column: ColumnProfile, unit: Unit) -> str:
    low, high = (
        datetime.datetime.fromtimestamp(value // PER_SECOND[unit], datetime.UTC) for value in (column.low, column.high)
    )
    return f"{low:%Y-%m-%d} to {high:%Y-%m-%d}"


def _float(column: ColumnProfile) -> InferredRole:
    what = "whole numbers with a decimal point" if column.whole else "numbers"
    return InferredRole("numeric", "float", f"{what}, {short(column.low)} to {short(column.high)}")


def _timestamp(column: ColumnProfile) -> InferredRole:
    reason = f"{'dates' if column.type == 'DATE' else 'timestamps'}, {short(column.low)} to {short(column.high)}"
    return InferredRole("timestamp", "int", reason, natural_unit(column))


def natural_unit(column: ColumnProfile) -> Unit:
    """Returns the unit in which Examples hold a column's timestamps."""
    if column.type_class == "integer":
        return _epoch_unit(dataclasses.replace(column, name="time")) or "s"
    return moments.natural_unit(column.type)


def _text(column: ColumnProfile) -> InferredRole:
    if column.dates:
        return InferredRole("timestamp", "int", f"dates as text, {short(column.low)} to {short(column.high)}", "us")
    share = column.distinct / max(column.present, 1)
    size = f"{column.words:.0f} words on average"
    if (column.words >= 3 and share > 0.5 and column.present > 2) or (column.words >= 8 and column.distinct > 100):
        return InferredRole("text", "text", f"{size}, {column.distinct:,} different in {column.present:,}")
    if column.present >= _ROWS_PER_VALUE and (column.unique or share > 0.95):
        often = "another text on every row" if column.unique else f"{share:.0%} of its texts occur once"
        return InferredRole("ignore", "text", f"identifier: {often}")
    return InferredRole("categorical", "text", f"{column.distinct:,} different texts")


def _list(column: ColumnProfile) -> InferredRole:
    payload = natural_payload(column)
    kind: Role = "numeric" if payload == "float" else "categorical"
    return InferredRole(kind, payload, f"lists of values ({short(column.type)})", repeated=True)
