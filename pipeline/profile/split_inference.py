"""How the rows get to train, eval and test, and whether each of them gets what it needs."""

import math
from collections import Counter
from collections.abc import Mapping

from core.errors import UserError
from core.sections import Split
from core.spec import Label
from ingest.sql import splits
from ingest.sql.splits import NAMES, SplitRule
from pipeline.config.messages import listing, suggestion
from pipeline.config.settings import Settings
from pipeline.profile import role_inference as roles
from pipeline.profile.label_inference import class_name
from pipeline.profile.role_inference import Facts
from pipeline.profile.table_queries import Table

_FEWEST = 3
# The hash of all columns costs a second for a million rows, and in so many every split has some of everything.
_ROWS_COUNTED = 200_000


def choose(settings: Settings, table: Table, facts: Mapping[str, Facts]) -> tuple[Split, str]:
    """Returns the split, and why: unless somebody speaks of it, a column of train, eval and test speaks for itself."""
    if "split" in settings.model_fields_set:
        return settings.split, "by the configuration"
    for column, each in facts.items():
        texts = each.distinct == len(NAMES) and each.present == each.rows and roles.type_class(each.type) == "text"
        if texts and column != settings.label and set(table.counts(column, 4)) == set(NAMES):
            return Split(by="column", column=column), "its values are train, eval and test"
    return settings.split, "each row by itself, always the same way"


def check(settings: Settings, table: Table, facts: Mapping[str, Facts], where: str) -> None:
    """Checks that the rows can be split as the configuration says.

    Raises:
        UserError: the column is not what it must be, or there are too few rows.
    """
    split = settings.split
    column = facts[split.column] if split.column else None
    if column and split.by != "hash" and column.present < column.rows:
        raise UserError(
            f"{where}: the split column `{column.name}` is missing in {column.rows - column.present:,} of "
            f"{column.rows:,} rows. Fill or filter these rows in data.query."
        )
    if column and split.by == "time":
        splits.time_key(column.name, table.columns)
    if column and split.by == "column":
        _check_values(table, column, where)
        return
    units = column.distinct if column else table.rows
    least = min(split.fractions.train, split.fractions.eval, split.fractions.test)
    if units * least < _FEWEST:
        what = f"different values of `{column.name}`" if column else "rows"
        flag = "--set 'split.fractions={train: 0.6, eval: 0.2, test: 0.2}'"
        larger = "" if least >= 0.2 else f", or larger fractions: {flag}"
        raise UserError(
            f"{where}: {units:,} {what} are too few for a split of {least:g}: at least "
            f"{math.ceil(_FEWEST / least)} were expected. Use more data{larger}"
        )


def _check_values(table: Table, column: Facts, where: str) -> None:
    counts = {str(value): count for value, count in table.counts(column.name, 50).items()}
    known = {alias: split for split, aliases in splits.ALIASES.items() for alias in aliases}
    for value in counts:
        if value.strip().lower() not in known:
            raise UserError(
                f"{where}: the split column `{column.name}` holds {value!r} ({counts[value]:,} rows)."
                f"{suggestion(value, known)} Expected: train, eval or test. Correct it in data.query."
            )
    absent = [split for split in NAMES if split not in {known[value.strip().lower()] for value in counts}]
    if absent:
        raise UserError(
            f"{where}: the split column `{column.name}` has no row of {' and '.join(absent)}. "
            "All of train, eval and test need rows."
        )


def check_classes(settings: Settings, table: Table, label: Label, where: str) -> list[str]:
    """Checks, in tables so small that chance may have it otherwise, that every split has rows of every class.

    Returns:
        A warning for each of eval and test that lacks a class.

    Raises:
        UserError: a split has no rows, or train lacks a class.
    """
    if settings.split.by == "time" or table.rows > _ROWS_COUNTED:
        return []
    rows: dict[str, Counter[str]] = {split: Counter() for split in NAMES}
    for split, value, count in table.counts_by_split(SplitRule.of(settings.split.model_dump()), label.name):
        rows[split][class_name(value) if label.classes else ""] += count
    sizes = ", ".join(f"{counts.total():,} {split}" for split, counts in rows.items())
    seed = ", or split another way: --set split.seed=1" if settings.split.by in ("hash", "group") else ""
    way_out = f"(rows: {sizes}). Use more data, or larger fractions{seed}"
    for split, counts in rows.items():
        if not counts:
            raise UserError(f"{where}: the {split} split has no rows {way_out}")
    present = set().union(*rows.values())
    warnings = []
    for split, counts in rows.items():
        absent = [repr(name) for name in label.classes if name in present and not counts[name]]
        if absent and split == "train":
            raise UserError(f"{where}: the train split has no row of the class {listing(absent)} {way_out}")
        if absent:
            warnings.append(f"The {split} split has no row of the class {listing(absent)} {way_out}")
    return warnings
