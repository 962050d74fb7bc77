"""Measures the Beam stages on each engine, fits a cost to the rows, and says what more rows would cost.

    python benchmarks/beam_engines.py [--engines local two prism flink] [--times 1 10] [--to Transform] [--results FILE]

The table is that of `flights.py`, repeated. The model is linear, since only the stages on Beam are measured. A second
of a processor is counted wherever it works for a stage, so that other work on the machine disturbs it little; what the
job server of Prism itself does is not in it. The seconds of processors of a cluster of Flink, which `make flink-up`
starts, are told for all stages together. The rows of each split and the schema have to be the same on all engines, byte
for byte, or the benchmark ends with exit code 1. Prices are assumptions, to be replaced by those of one's own contract.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core import digests
from environment import clusters

ROWS = 327_346
STAGES = ("ExampleGen", "StatisticsGen", "ExampleValidator", "Transform", "Evaluator")
ENGINES: Mapping[str, Sequence[str]] = {
    "local": (),
    "two": ("beam.options.direct_num_workers=2",),
    "prism": ("beam.runner=prism", "beam.options.prism_location=.prism_cache/prism"),
    "flink": (
        "beam.runner=flink",
        *(f"beam.options.{name}='{value}'" for name, value in clusters.flink().options.items()),
    ),
}
NAMES = {"local": "local, 1 worker", "two": "local, 2 workers", "prism": "prism, 1 worker", "flink": "flink, 2 workers"}
LINEAR = ("model.family=linear", "tune.trials=0", "train.epochs=1")
PROJECTED = (10**9, 10**11)
CORE_HOUR = 0.07  # US dollars for a core with 4 GB of memory, about what a managed service lists
CLUSTER = "all, on the cluster"
# The seconds and the seconds of processors of each stage, and the digests of what they wrote.
Measurement = dict[str, tuple[float, float] | str]


def measure(engine: str, file: pathlib.Path, folder: pathlib.Path, last: str) -> Measurement:
    """Runs the pipeline up to a stage."""
    sets = [argument for setting in (*LINEAR, *ENGINES[engine]) for argument in ("--set", setting)]
    command = [sys.executable, "pipeline/run_local.py", "--data", str(file), "--label", "late", "--out", str(folder)]
    before = cluster_seconds(engine)
    done = subprocess.run(
        [*command, "--to", last, "--json", *sets], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stderr)
    stages = {stage["name"]: stage for stage in json.loads(done.stdout)["stages"]}
    measured = STAGES[: STAGES.index(last) + 1]
    found: Measurement = {name: (stages[name]["seconds"], stages[name]["cpu_seconds"]) for name in measured}
    if engine in clusters.CLUSTERS:
        found[CLUSTER] = (sum(stages[name]["seconds"] for name in measured), cluster_seconds(engine) - before)
    return {**found, "rows and schema": written(folder / "artifacts")}


def cluster_seconds(engine: str) -> float:
    """Returns the seconds of processors that a cluster and its workers have taken since its start; 0 without one."""
    servers = clusters.CLUSTERS[engine]().servers if engine in clusters.CLUSTERS else ()
    masters = [process for server in servers for process in clusters.running(engine, server.name)]
    all_of_them = [*masters, *(child for process in masters for child in process.children(recursive=True))]
    # The times of a process include those of its children that have ended.
    return sum(sum(process.cpu_times()[:4]) for process in all_of_them)


def written(artifacts: pathlib.Path) -> str:
    """Returns the digest of the rows of all files of Examples, and of the schema."""
    files = sorted([*artifacts.rglob("Split-*/*.parquet"), *artifacts.rglob("schema.pbtxt")])
    return digests.of_values({file.relative_to(artifacts).as_posix(): digests.of_file(file) for file in files})


def fitted(measurements: Mapping[int, Measurement], stage: str) -> tuple[float, float]:
    """Returns the fixed seconds of processors of a stage, and those for a million rows.

    They are of the line through the fewest and the most rows; where there is one measurement, all of it is the rows'.
    """
    seconds = {rows: found[stage][1] for rows, found in measurements.items() if stage in found}
    fewest, most = min(seconds), max(seconds)
    if fewest == most:
        return 0.0, seconds[most] / most * 1e6
    slope = max(0.0, (seconds[most] - seconds[fewest]) / (most - fewest))
    return max(0.0, seconds[fewest] - slope * fewest), slope * 1e6


def measured_table(found: Mapping[str, Measurement]) -> Table:
    """Returns the table of what was measured on each engine for one number of rows."""
    table = Table("", *(NAMES[engine] for engine in found), box=None, padding=(0, 2, 0, 0))
    for stage in (*STAGES, CLUSTER):
        cells = [measurement.get(stage) for measurement in found.values()]
        if any(cells):
            table.add_row(stage, *(f"{cell[1]:6.1f} ({cell[0]:.1f})" if cell else "" for cell in cells))
    return table


def cost_table(measurements: Mapping[int, Measurement]) -> Table:
    """Returns the table of the fitted costs and of what they say for more rows."""
    titles = ["", "fixed", "for a million rows", "rows/s of a core"]
    table = Table(*titles, *(f"{rows:.0e} rows" for rows in PROJECTED), box=None, padding=(0, 2, 0, 0))
    measured = [stage for stage in STAGES if any(stage in found for found in measurements.values())]
    lines = {stage: fitted(measurements, stage) for stage in measured}
    lines["all"] = (sum(fixed for fixed, _ in lines.values()), sum(slope for _, slope in lines.values()))
    for stage, (fixed, slope) in lines.items():
        hours = [(fixed + slope * rows / 1e6) / 3600 for rows in PROJECTED]
        projected = (f"{each:,.2f} core hours, ${each * CORE_HOUR:,.2f}" for each in hours)
        table.add_row(stage, f"{fixed:.1f} s", f"{slope:.2f} s", f"{1e6 / slope:,.0f}" if slope else "-", *projected)
    return table


def main() -> None:
    """Runs the benchmark and prints its tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES), help="the engines to measure")
    parser.add_argument("--times", nargs="+", type=int, default=[1, 10], help="how often the table is repeated")
    parser.add_argument(
        "--folder", type=pathlib.Path, default=ROOT / "benchmarks" / "data", help="where the tables are kept"
    )
    parser.add_argument("--to", choices=STAGES, default="Evaluator", help="the last stage")
    parser.add_argument("--results", type=pathlib.Path, help="a JSON file of measurements, which are not repeated")
    arguments = parser.parse_args()
    console = Console(width=140)
    known = json.loads(arguments.results.read_text()) if arguments.results and arguments.results.exists() else {}
    found: dict[str, dict[int, Measurement]] = {engine: {} for engine in arguments.engines}
    for times in sorted(arguments.times):
        file = (arguments.folder / f"flights-x{times}.csv").absolute()
        if not file.exists():
            build = [sys.executable, "benchmarks/flights.py", str(file), "--times", str(times)]
            subprocess.run(build, cwd=ROOT, check=True)
        for engine in arguments.engines:
            name = f"{engine} {times}"
            if name not in known:
                with tempfile.TemporaryDirectory() as folder:
                    known[name] = measure(engine, file, pathlib.Path(folder) / "run", arguments.to)
            if arguments.results:
                arguments.results.write_text(json.dumps(known, indent=1))
            found[engine][times * ROWS] = known[name]
        title = f"{times * ROWS:,} rows x 33 columns: seconds of processors (and seconds) of each stage"
        now = {engine: found[engine][times * ROWS] for engine in found}
        console.print(title, measured_table(now), "", sep="\n")
        if len({str(measurement["rows and schema"]) for measurement in now.values()}) > 1:
            sys.exit("The rows or the schema are not the same on all engines. Compare the artifacts of two runs.")
        console.print(f"The rows of each split and the schema are the same on: {', '.join(now)}.", "", sep="\n")
    for engine in [name for name in arguments.engines if name not in clusters.CLUSTERS]:
        console.print(f"the cost on {NAMES[engine]}", cost_table(found[engine]), "", sep="\n")


if __name__ == "__main__":
    main()
