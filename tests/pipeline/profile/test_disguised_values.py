"""Warnings of columns that look like numbers or dates: the flag of each works when it is pasted."""

import random
import shlex

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.config import settings
from pipeline.profile import resolution

ROWS = 200
LABELS = random.Random(0).choices(["yes", "no"], k=ROWS)


def _csv(folder, values):
    lines = ["x,z,y", *(f'"{value}",{row % 17},{LABELS[row]}' for row, value in enumerate(values))]
    (folder / "data.csv").write_text("\n".join(lines))
    return str(folder / "data.csv")


def _parquet(folder, values):
    columns = {"x": values, "z": [row % 17 for row in range(ROWS)], "y": LABELS}
    pq.write_table(pa.table(columns), folder / "data.parquet")
    return str(folder / "data.parquet")


@pytest.mark.parametrize(
    ("write", "values", "what", "column_type"),
    [
        (_csv, [f"{row % 12 + 1}/{row % 11 + 1}/23" for row in range(ROWS)], "dates", "TIMESTAMP"),
        (_csv, [f"{row % 12 + 1}/{row % 11 + 1}/2023" for row in range(ROWS)], "dates", "TIMESTAMP"),
        (_parquet, [f"{row % 12 + 1}-{row % 11 + 1}-2023 10:00" for row in range(ROWS)], "dates", "TIMESTAMP"),
        (_parquet, [20240101 + 100 * (row % 12) + row % 28 for row in range(ROWS)], "dates", "TIMESTAMP"),
        (_parquet, [str(1000 + row % 40) for row in range(ROWS)], "numbers", "DOUBLE"),
        (_csv, [f"{row} {row:03}.5" if row % 10 else "seven" for row in range(1, ROWS + 1)], "numbers", "DOUBLE"),
    ],
)
def test_flag_reads_the_column(tmp_path, write, values, what, column_type):
    file = write(tmp_path, values)
    (warning,) = resolution.resolve(settings.load(files=file, label="y")).warnings
    assert warning.startswith(f"`x` may hold {what}, such as ")
    _, flag = shlex.split(warning[warning.index("--set") :])
    resolved = resolution.resolve(settings.load(files=file, label="y", sets=(flag,)))
    assert resolved.warnings == ()
    kind = "timestamp" if column_type == "TIMESTAMP" else "numeric"
    assert resolved.settings.features["x"].kind == kind


@pytest.mark.parametrize("values", [[f"{row:05}" for row in range(ROWS)], [f"town {row % 30}" for row in range(ROWS)]])
def test_codes_and_words_are_texts(tmp_path, values):
    assert resolution.resolve(settings.load(files=_parquet(tmp_path, values), label="y")).warnings == ()
