"""Checks the roles that the configuration gives to columns."""

from collections.abc import Iterator
from typing import Any

from core.config.sections import FeatureOptions
from pipeline.config.messages import shown
from pipeline.config.settings import Settings, set_flag
from pipeline.profile.column_profile import ColumnProfile
from pipeline.profile.role_inference import PAYLOADS, InferredRole, infer_role, natural_unit
from pipeline.profile.table_inference import Inferred
from pipeline.profile.table_profile import TableProfile

_EXPECTED = {"int": "whole numbers", "float": "numbers", "double": "numbers", "text": "texts"}


def roles_fit_columns(settings: Settings, table: TableProfile, inferred: Inferred) -> Iterator[str]:
    """Checks that every column can have the role that the configuration gives to it."""
    for name, role in inferred.features.items():
        options = settings.features.get(name)
        if options is not None and options != FeatureOptions():
            yield from _role_problems(table.columns[name], options, role)


def _role_problems(column: ColumnProfile, options: FeatureOptions, role: InferredRole) -> Iterator[str]:
    field, says, inferred = f"features.{column.name}", f"`features.{column.name}` says {role.kind}", infer_role(column)
    natural = natural_unit(column)
    if column.type_class in ("nested", "binary", "time"):
        flag = set_flag("features", column.name, value="ignore")
        yield f"{says}, but {inferred.reason}. To leave it out: {flag}"
    if role.payload not in PAYLOADS[role.kind]:
        yield (
            f"{field} is {role.kind} with type {role.payload}; a {role.kind} feature has type "
            f"{' or '.join(PAYLOADS[role.kind])}. Correct the type or leave it out."
        )
    wrong = _wrong_value(column, role)
    if wrong is not None:
        expected = "dates and times" if role.kind == "timestamp" else _EXPECTED[role.payload]
        yield (
            f"{says}, which needs {expected}, but the column ({column.type}) has {shown(wrong)}. "
            f"Correct the data, or change its role: {set_flag('features', column.name, value=inferred.kind)}"
        )
    if options.repeated not in (None, role.repeated):
        yield (
            f"{field} has repeated: {str(options.repeated).lower()}, but the column ({column.type}) holds "
            f"{'several values' if role.repeated else 'one value'} a row. Correct the data, or take repeated out."
        )
    is_number = column.type_class in ("integer", "float")
    if role.kind == "timestamp" and options.unit not in (None, natural) and not is_number:
        yield (
            f"{field}.unit is {options.unit}, but the column ({column.type}) holds timestamps and no numbers: its unit "
            f"is {natural}. Take unit out."
        )


def _wrong_value(column: ColumnProfile, role: InferredRole) -> Any:
    """Returns a value, or the type, that the role cannot have; None where all values fit."""
    inner = column.type_class
    if role.kind == "timestamp":
        if inner in ("boolean", "list"):
            return column.type
        return column.misfit if inner == "text" and not column.dates else None
    if role.kind == "numeric" and inner == "timestamp":
        return column.low
    converted = inner == "text" or (inner == "float" and role.payload == "int" and not column.whole)
    return column.misfit if converted and role.payload != "text" else None
