"""Makes rows out of rows of eval by replacing the value of one feature, for the comparison of a served model.

The values are those that a model may treat in another way than most: missing, unknown, outside the range of the rows,
not of ASCII, beyond 2^24, before 1970; and the most frequent ones, so that each entry of a short vocabulary occurs.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.spec import EXACT_DOUBLE, PER_SECOND, TRUE_OR_FALSE, WHOLE_NUMBERS, Feature

MARK = "\x1freplaced"  # the column of a made row's origin: no file has a column of that name
_MARK_TYPE = pa.struct({"base": pa.int32(), "feature": pa.string()})
_BASES = 2
_FREQUENT = 12
_MOST_ROWS = 1_000
_MOST_CELLS = 2_000_000
_UNKNOWN_TEXT = "völlig neu \N{CHECK MARK}"


def bases(predictions: np.ndarray) -> list[int]:
    """Returns the rows to make others of: for scores, [rows, classes], those in which all features matter most."""
    return (np.argsort(predictions.max(axis=1)) if predictions.ndim > 1 else np.arange(len(predictions)))[
        :_BASES
    ].tolist()


def add(rows: pa.RecordBatch, features: Sequence[Feature], chosen: Sequence[int]) -> pa.RecordBatch:
    """Returns rows of Examples with those made of the chosen ones after them, and a column that `marks` reads."""
    most = min(_MOST_ROWS, _MOST_CELLS // rows.num_columns)
    replaced = list(itertools.islice(_replacements(rows, features, chosen), most))
    made = rows.take(pa.array([base for _, base, _ in replaced], pa.int32()))
    by_feature: dict[str, dict[int, list[Any] | None]] = {}
    for row, (feature, _, value) in enumerate(replaced):
        by_feature.setdefault(feature.name, {})[row] = value
    for name, values in by_feature.items():
        place = made.schema.get_field_index(name)
        column = [values.get(row, kept) for row, kept in enumerate(made.column(place).to_pylist())]
        made = made.set_column(place, made.schema.field(place), pa.array(column, made.schema.field(place).type))
    origins = [{"base": base, "feature": feature.name} for feature, base, _ in replaced]
    table = pa.Table.from_batches([rows, made])
    return (
        table.append_column(MARK, pa.array([None] * rows.num_rows + origins, _MARK_TYPE))
        .combine_chunks()
        .to_batches()[0]
    )


def marks(rows: pa.RecordBatch) -> Mapping[int, tuple[int, str]]:
    """Returns for each made row the row that it was made of, and the feature that was replaced."""
    if MARK not in rows.schema.names:
        return {}
    origins = enumerate(rows.column(MARK).to_pylist())
    return {row: (origin["base"], origin["feature"]) for row, origin in origins if origin is not None}


def _replacements(
    rows: pa.RecordBatch, features: Sequence[Feature], chosen: Sequence[int]
) -> Iterator[tuple[Feature, int, list[Any] | None]]:
    """Yields a feature, the row to change, and the new value: of each feature the first value, then the second, ..."""
    values = [[(feature, value) for value in _values(feature, rows.column(feature.name))] for feature in features]
    for base in chosen:
        for of_each in itertools.zip_longest(*values):
            yield from ((found[0], base, found[1]) for found in of_each if found is not None)


def _values(feature: Feature, column: pa.LargeListArray) -> Iterator[list[Any] | None]:
    """Yields the values of a feature as Examples hold them, None for a missing one."""
    yield None
    if not len(column.flatten()):
        return
    if feature.repeated:
        yield from itertools.islice((values for values in column.to_pylist() if values), 4)
    elif feature.kind in ("categorical", "text"):
        counts = pc.value_counts(column.flatten()).to_pylist()
        frequent = sorted(counts, key=lambda count: -count["counts"])[:_FREQUENT]
        known = [count["values"] for count in frequent]
        integer = max(known) + 1 if feature.also_numeric else 2**24 + 1
        unknown = {"text": _UNKNOWN_TEXT.encode(), "int": integer}.get(feature.payload, 0.5)
        yield from ([value] for value in (known if feature.written == TRUE_OR_FALSE else [unknown, *known]))
    else:
        yield from ([value] for value in _numbers(feature, np.asarray(column.flatten())))


def _numbers(feature: Feature, values: np.ndarray) -> list[int] | list[float]:
    """Returns quantiles of numbers or moments, and values around them."""
    finite = values[np.isfinite(values)] if feature.payload != "int" else values
    if not len(finite):
        return []
    quantiles = np.unique(np.sort(finite)[(np.linspace(0, 1, 5) * (len(finite) - 1)).astype(int)])
    if feature.payload != "int":
        low, high = float(quantiles[0]), float(quantiles[-1])
        return [2 * high - low, 2 * low - high, *map(float, quantiles)]
    known = [int(value) for value in quantiles]
    if feature.kind == "timestamp":
        before_1970 = -PER_SECOND[feature.unit] // 2
        return [before_1970, *known] if feature.written not in (None, WHOLE_NUMBERS) else known
    width = known[-1] - known[0] + 1
    outside = [known[-1] + width, known[0] - width] if known[-1] + width < EXACT_DOUBLE else []
    return [*outside, *known]
