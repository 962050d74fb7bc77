"""Declares what a served model costs, as the ServingValidator measures it."""

import dataclasses
from collections.abc import Iterator


def _measured(text: str) -> float:
    found: float = dataclasses.field(metadata={"text": text})
    return found


@dataclasses.dataclass(frozen=True)
class ServingCosts:
    """The costs of a served model in a fresh process; `first_` is the first request of that size, before any warm-up.

    Attributes:
        load_s: seconds.
        size_mb: 10^6 bytes.
        memory_mb: 10^6 bytes.
        first_ms, p50_ms, p99_ms: milliseconds for a request of one row.
        first_1024_ms, p50_1024_ms, p99_1024_ms: milliseconds for a request of 1,024 rows.
    """

    load_s: float = _measured("seconds to load the model, beside the import of TensorFlow")
    size_mb: float = _measured("size of the model's files, in MB")
    memory_mb: float = _measured("memory that the model needs beside TensorFlow, at its peak, in MB")
    first_ms: float = _measured("latency of the first request, of one row, in milliseconds")
    p50_ms: float = _measured("median latency of a request of one row, in milliseconds")
    p99_ms: float = _measured("latency of 99 % of the requests of one row, in milliseconds")
    first_1024_ms: float = _measured("latency of the first request of 1,024 rows, in milliseconds")
    p50_1024_ms: float = _measured("median latency of a request of 1,024 rows, in milliseconds")
    p99_1024_ms: float = _measured("latency of 99 % of the requests of 1,024 rows, in milliseconds")

    @classmethod
    def texts(cls) -> Iterator[tuple[str, str]]:
        """Yields the name of each cost, and what it is."""
        return ((field.name, field.metadata["text"]) for field in dataclasses.fields(cls))
