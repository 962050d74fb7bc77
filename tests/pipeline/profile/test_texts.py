"""Texts that look like numbers or dates, and the queries that read them so."""

import datetime
import re
import shlex

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import UserError
from pipeline.config import settings
from pipeline.profile import resolution
from pipeline.profile.checks.correction import advice
from pipeline.profile.checks.texts import reading
from pipeline.profile.table_profile import profile_table

ROWS = range(300)
DAYS = [datetime.date(2024, 1, 1) + datetime.timedelta(days=row) for row in ROWS]


@pytest.fixture
def load(tmp_path):
    def load(texts, *sets):
        """Returns the settings of a table with the texts, every twentieth of which is another."""
        texts = ["unknown" if row % 20 == 3 else text for row, text in enumerate(texts)]
        columns = {"a": [row * 37 % 301 / 2 for row in ROWS], "x": texts, "y": ["ab"[row // 7 % 2] for row in ROWS]}
        pq.write_table(pa.table(columns), tmp_path / "t.parquet")
        return settings.load(files=str(tmp_path / "t.parquet"), label="y", sets=sets)

    return load


def flags(message: str) -> list[str]:
    """Returns the values of the flags in a message, as the shell reads them."""
    return [shlex.split(text)[0] for text in re.split("--set ", message)[1:]]


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        ([f"$ {row * 7:,.2f}" for row in ROWS], ["whole numbers with a decimal point, 0 to 2093"]),
        ([f"{row / 4}%" for row in ROWS], ["numbers, 0 to 74.75"]),
        ([f"({row}.5)" if row % 2 else f"{row * 50:,}" for row in ROWS], ["numbers, -299.5 to 14900"]),
        ([f"{row}.234,5" if row else "0,5" for row in ROWS], ["numbers, 0.5 to 299234"]),
        ([f"1,{row}" for row in ROWS], ["numbers, 1 to 1.99"]),
        ([f"1,{row + 100}" for row in ROWS], ["1100 to 1399", "1.1 to 1.399"]),  # two readings
        ([f"{row / 8:.3f}" for row in ROWS], ["numbers, 0 to 37.375"]),
        ([f"{day:%d-%b-%Y}" for day in DAYS], ["timestamps, 2024-01-01"]),
        ([f"{day.month}/{day.day}/{day:%y}" for day in DAYS], ["timestamps, 2024-01-01"]),
        ([f"{day.month}/{day.day % 12 + 1}/{day:%Y}" for day in DAYS], ["2024-01-01", "2024-01-01"]),
        ([f"{day:%Y%m%d}" for day in DAYS], ["timestamps, 2024-01-01"]),
        ([str(1000 + row) for row in ROWS], ["1000 to 1299"]),
        ([f"v{row}" for row in ROWS], []),
        ([f"0{row}" for row in ROWS], []),  # codes
        ([f"1.{row % 10}" for row in ROWS], []),  # versions
        ([f"10.0.{row % 9}.{row}" for row in ROWS], []),
        ([f"{day:%Y}-{day.month}" for day in DAYS], []),
    ],
)
def test_each_query_reads_the_texts(load, texts, reason):
    table = profile_table(load(texts))
    found = flags(advice(table, reading(table, "x")))

    assert len(found) == len(reason)
    for flag, words in zip(found, reason, strict=True):
        assert words in resolution.resolve(load(texts, flag)).reasons["x"]


def test_whole_numbers_may_be_days(tmp_path):
    file, days = str(tmp_path / "t.parquet"), [int(f"{day:%Y%m%d}") for day in DAYS]
    pq.write_table(pa.table({"x": days, "y": ["ab"[row // 7 % 2] for row in ROWS]}), file)

    (warning,) = resolution.resolve(settings.load(files=file, label="y", sets=["features.x.type=int"])).warnings
    again = resolution.resolve(settings.load(files=file, label="y", sets=flags(warning)))

    assert warning.startswith("`x` may hold dates, such as 20240101. To read them so: --set")
    assert again.reasons["x"].startswith("timestamps, 2024-01-01")


def test_it_is_a_warning_unless_the_configuration_names_the_role(load):
    texts = [f"{day:%d-%b-%Y}" for day in DAYS]

    (warning,) = resolution.resolve(load(texts)).warnings
    assert "may be read (others become missing) as dates of the form %d-%b-%Y: --set" in warning
    assert resolution.resolve(load(texts, "features.x=categorical")).warnings == ()


def test_a_label_of_such_texts_is_an_error_with_the_query(load):
    texts = [f"${row * 7:,}.50" for row in ROWS]

    with pytest.raises(UserError, match="too few rows to learn them") as raised:
        resolution.resolve(load(texts, "label=x"))
    (flag,) = flags(str(raised.value))

    assert resolution.resolve(load(texts, "label=x", flag)).spec.label.task == "regression"


def test_a_table_of_such_texts_alone_is_an_error_with_the_query(load):
    texts = [f"${row * 7:,}.50" for row in ROWS]

    with pytest.raises(UserError, match="no column is left that the model could learn from") as raised:
        resolution.resolve(load(texts, "features.a=ignore"))
    (flag,) = flags(str(raised.value).partition("COLUMN=categorical.")[2])

    assert resolution.resolve(load(texts, "features.a=ignore", flag)).reasons["x"] == "numbers, 0.5 to 2093.5"
