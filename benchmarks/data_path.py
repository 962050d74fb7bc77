"""Compares the stages from CSV to the transform graph with TFX's own: `make bench-data`.

    python benchmarks/data_path.py [--large] [--wide] [--folder benchmarks/data]

Builds the flights table (327,346 x 33) and measures both pipelines on it, one after the other, in separate processes,
without imports. `--large` adds the table repeated ten times, of which TFX's stages read a fifth, with scaled times.
`--wide` adds a table of 2,000 columns x 20,000 rows, on which TFX's stages are stopped after ten minutes. Peak memory
is that of the whole process, TensorFlow included.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Sequence

import duckdb
from rich.console import Console
from rich.table import Table

ROOT = pathlib.Path(__file__).resolve().parent.parent
STAGES = {
    "ExampleGen": "CsvExampleGen",
    "StatisticsGen": "StatisticsGen",
    "SchemaGen": "SchemaGen",
    "Transform": "Transform",
}
PATIENCE = 600  # seconds after which TFX's stages are stopped on the wide table
Seconds = dict[str, float]


def measured(command: Sequence[str], limit: float | None = None) -> tuple[str, float]:
    """Runs a command in a separate process; returns its output and its peak memory in MB.

    Args:
        command: the program and its arguments.
        limit: the seconds after which it is stopped.
    """
    code = (
        "import resource, subprocess, sys\n"
        "limit, command = float(sys.argv[1]), sys.argv[2:]\n"
        "process = subprocess.Popen(command, stderr=subprocess.DEVNULL)\n"
        "try:\n"
        "    process.wait(limit or None)\n"
        "except subprocess.TimeoutExpired:\n"
        "    process.kill()\n"
        "code = process.wait()\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
        "sys.exit(0 if limit else code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(limit or 0), *command], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    printed, _, kilobytes = done.stdout.strip().rpartition("\n")
    return printed, int(kilobytes) / 1000


def ours(file: pathlib.Path, label: str, folder: pathlib.Path) -> tuple[Seconds, float]:
    """Runs the project's stages up to Transform; returns their seconds and the peak memory in MB."""
    arguments = ["--data", str(file), "--label", label, "--out", str(folder), "--to", "Transform", "--json"]
    printed, memory = measured([sys.executable, "pipeline/run_local.py", *arguments])
    return {stage["name"]: stage["seconds"] for stage in json.loads(printed)["stages"]}, memory


def stock(file: pathlib.Path, folder: pathlib.Path, limit: float | None = None) -> tuple[Seconds, float]:
    """Runs TFX's stages up to Transform; returns the seconds of those that ended, and the peak memory in MB."""
    data = folder / "data"
    data.mkdir(parents=True)
    (data / file.name).symlink_to(file.resolve())
    printed, memory = measured([sys.executable, "benchmarks/stock_tfx/data_path.py", str(data), str(folder)], limit)
    seconds: Seconds = {}
    for line in printed.splitlines():
        if line.startswith("{"):
            seconds |= json.loads(line)
    return seconds, memory


def flights(target: pathlib.Path, times: int) -> pathlib.Path:
    """Builds the flights table if it does not exist."""
    if not target.exists():
        subprocess.run(
            [sys.executable, "benchmarks/flights.py", str(target), "--times", str(times)], cwd=ROOT, check=True
        )
    return target


def wide(target: pathlib.Path) -> pathlib.Path:
    """Builds a table of 2,000 columns, half of them texts, and 20,000 rows, whose label depends on two columns."""
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect()
        connection.execute("SELECT setseed(0.5)")
        columns = [f"random() * {index + 1} AS n{index}" for index in range(1000)]
        columns += [f"'v' || (random() * random() * {10 + index % 90})::INT AS t{index}" for index in range(999)]
        connection.execute(f"CREATE TABLE t AS SELECT {', '.join(columns)} FROM range(20000)")
        connection.execute(f"COPY (SELECT *, (n0 + n1 / 2 + random() > 1)::INT AS y FROM t) TO '{target}' (HEADER)")
    return target


def show(
    console: Console, title: str, mine: tuple[Seconds, float], theirs: tuple[Seconds, float], scale: float = 1
) -> None:
    """Prints one comparison."""
    table = Table("", "skewless", "TFX", "ratio", box=None, padding=(0, 2, 0, 0))
    ended = all(other in theirs[0] for other in STAGES.values())
    for stage, other in STAGES.items():
        table.add_row(stage, *_beside(mine[0].get(stage, 0.0), theirs[0].get(other, 0.0) * scale))
    mine_total = sum(mine[0].get(stage, 0.0) for stage in STAGES)
    table.add_row("total", *_beside(mine_total, sum(theirs[0].values()) * scale if ended else 0.0))
    table.add_row("peak memory", f"{mine[1]:,.0f} MB", f"{theirs[1]:,.0f} MB")
    console.print(title, table, sep="\n")


def _beside(seconds: float, reference: float) -> tuple[str, str, str]:
    if not reference:
        return f"{seconds:.1f} s", "did not end", ""
    return f"{seconds:.1f} s", f"{reference:.1f} s", f"{reference / max(seconds, 0.01):.1f} x"


def main() -> None:
    """Runs the benchmark and prints its tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--large", action="store_true", help="also the table repeated ten times")
    parser.add_argument("--wide", action="store_true", help="also 2,000 columns x 20,000 rows")
    parser.add_argument(
        "--folder", type=pathlib.Path, default=ROOT / "benchmarks" / "data", help="where the tables are kept"
    )
    arguments = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory() as name:
        work = pathlib.Path(name)
        file = flights(arguments.folder / "flights.csv", 1)
        small = ours(file, "late", work / "small")
        show(console, "flights, 327,346 x 33", small, stock(file, work / "stock"))
        if arguments.large:
            large = ours(flights(arguments.folder / "flights-x10.csv", 10), "late", work / "large")
            fifth = stock(flights(arguments.folder / "flights-x2.csv", 2), work / "stock-x2")
            show(console, "flights, 3,273,460 x 33; TFX's measured on a fifth of the rows, times 5", large, fifth, 5)
            seconds = [sum(measurement[0].get(stage, 0.0) for stage in STAGES) for measurement in (small, large)]
            console.print(f"10 times the rows: {seconds[1] / seconds[0]:.1f} times the seconds, ", end="")
            console.print(f"{large[1] / small[1]:.2f} times the memory")
        if arguments.wide:
            table = wide(arguments.folder / "wide.csv")
            both = ours(table, "y", work / "wide"), stock(table, work / "stock-wide", PATIENCE)
            show(console, f"20,000 x 2,000; TFX's stopped after {PATIENCE} s", *both)


if __name__ == "__main__":
    main()
