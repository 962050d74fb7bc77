"""Defines a warning whose problem a query can correct."""

import dataclasses
from collections.abc import Iterable, Mapping

from pipeline.profile.table_profile import TableProfile


@dataclasses.dataclass(frozen=True)
class Correction:
    """A problem of some columns.

    Attributes:
        message: what the problem is, and what the query that follows does.
        values: SQL for the corrected values, by column.
    """

    message: str
    values: Mapping[str, str]

    def advice(self, table: TableProfile) -> str:
        """Returns the message with the flag that corrects the table."""
        return f"{self.message}: {table.replacing(self.values)}"


Message = str | Correction


def advice(table: TableProfile, messages: Iterable[Message]) -> str:
    """Returns messages, with their flags, as the end of another message."""
    return "".join(f" {message if isinstance(message, str) else message.advice(table)}" for message in messages)
