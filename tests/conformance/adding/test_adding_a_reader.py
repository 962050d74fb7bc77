"""The reader of docs/adding/reader.md works as it stands there."""

import pathlib

import numpy as np
import pytest

import ingest
from core.config.sections import Data
from core.errors import UserError
from ingest import READERS, work_units
from ingest.source import Column
from tests.conformance.adding import documents


@pytest.fixture
def npz_reader(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Adds the document's module and its line of READERS."""
    documents.add("reader.md", READERS, tmp_path, monkeypatch)


@pytest.mark.usefixtures("npz_reader")
def test_files_of_the_new_format_are_read(tmp_path: pathlib.Path) -> None:
    np.savez(tmp_path / "1.npz", a=np.array([1, 2]), b=np.array([0.5, 1.5]), c=np.array(["x", "y"]))
    np.savez(tmp_path / "2.npz", a=np.array([3]), b=np.array([2.5]), c=np.array(["é"]))
    source = ingest.discover(Data(files=(str(tmp_path / "*.npz"),), query="SELECT *, a + 1 AS d FROM data"))
    assert source.format == "npz"
    assert source.columns == (Column("a", "BIGINT"), Column("b", "DOUBLE"), Column("c", "VARCHAR"))
    rows = ingest.relation(ingest.connect(), source).fetchall()
    assert rows == [(1, 0.5, "x", 2), (2, 1.5, "y", 3), (3, 2.5, "é", 4)]
    assert len(work_units.divide(source, 1)) == 2


@pytest.mark.usefixtures("npz_reader")
def test_damaged_and_unlike_files_of_the_new_format_are_named(tmp_path: pathlib.Path) -> None:
    (tmp_path / "cut.npz").write_bytes(b"PK\3\4 and no more")
    with pytest.raises(UserError, match=r"cut\.npz is not a NumPy file of columns"):
        ingest.discover(Data(files=(str(tmp_path / "cut.npz"),)))
    np.savez(tmp_path / "a.npz", a=np.array([1]))
    np.savez(tmp_path / "b.npz", b=np.array([1]))
    with pytest.raises(UserError, match=r"\.npz has no column 'b'"):
        ingest.discover(Data(files=(str(tmp_path / "a.npz"), str(tmp_path / "b.npz"))))
    with pytest.raises(UserError, match=r"Expected one of .*\.npz"):
        ingest.discover(Data(files=(str(documents.DOCS / "reader.md"),)))
