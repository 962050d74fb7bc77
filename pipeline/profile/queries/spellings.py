"""Writes SQL that finds and merges texts that differ by case, blanks, full stops at the end or Unicode form only."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import ingest

# From the outermost to the innermost: each makes texts equal that differ in one way.
_STEPS = (
    "lower({})",
    "rtrim({}, '. ')",
    "trim({})",
    r"regexp_replace({}, '[\s\pZ\x{{200b}}\x{{feff}}]+', ' ', 'g')",  # all blanks of Unicode become spaces
    "nfc_normalize({})",
)
_MOST_CASES = 20


@dataclasses.dataclass(frozen=True)
class Spellings:
    """Values of a column that differ by their spelling only.

    Attributes:
        groups: the values by the text that they have in common, the most frequent value of each first.
        value: SQL for the column.
        merged: SQL for the text that each value has in common with its group.
    """

    groups: Mapping[str, Sequence[str]]
    value: str
    merged: str

    def as_classes(self, classes: Sequence[str]) -> str:
        """Returns SQL for the column in which the values of a group become one of `classes`, or the most frequent."""
        if len(self.groups) > _MOST_CASES:
            return self.merged
        cases = []
        for text, values in self.groups.items():
            chosen = next((value for value in values if value in classes), values[0])
            cases.append(f"WHEN {ingest.literal(text)} THEN {ingest.literal(chosen)}")
        return f"CASE {self.merged} {' '.join(cases)} ELSE {self.value} END"


def common(text: str, steps: Sequence[str] = _STEPS) -> str:
    """Returns SQL for a text without what the steps take away."""
    for step in reversed(steps):
        text = step.format(text)
    return text


def needed_steps(num_distinct: Callable[[str], int]) -> Sequence[str]:
    """Returns the fewest steps that merge as many values as all steps together.

    Args:
        num_distinct: returns how many different values SQL over the column `value` has.
    """
    steps, fewest = list(_STEPS), num_distinct(common("value"))
    for step in sorted(_STEPS, key=len, reverse=True):
        others = [other for other in steps if other != step]
        if num_distinct(common("value", others)) == fewest:
            steps = others
    return steps
