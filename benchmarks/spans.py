"""Trains again month by month, as cron would, on the flights of 2013: `make bench-spans`.

    python benchmarks/spans.py [--out FOLDER] [--months 7]

Each month is a span, and a model is trained on the newest three. When a month is over, `monitor.py` compares its
flights with what the stable version was trained on, and measures its quality; then `run_local.py --if-stale` trains
again, and pushes what is not worse than the stable version on the newest rows. The output is a table in Markdown: what
was pushed, and why.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
from typing import Any

import duckdb
import flights

ROOT = pathlib.Path(__file__).resolve().parent.parent
SPANS = 3
COLUMNS = ("month", "alarms", "AUC, estimated and true", "result", "AUC on the newest rows", "why")
CONFIG = """\
name: flights
data: {{files: "{folder}/spans/{{SPAN}}/flights.csv", spans: {spans}}}
label: late
split: {{by: time, column: time_hour}}
model: {{family: trees}}
tune: {{trials: 0}}
"""


def main() -> None:
    """Goes through the months and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, metavar="FOLDER", help="keep the months and the runs here")
    parser.add_argument("--months", type=int, default=SPANS + 4, help=f"the last month (default: {SPANS + 4})")
    arguments = parser.parse_args()
    source = flights.table()
    print(f"| {' | '.join(COLUMNS)} |\n|{' --- |' * len(COLUMNS)}", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = (arguments.out or pathlib.Path(temporary)).absolute()
        for month in range(1, arguments.months + 1):
            write_month(source, folder, month)
            if month >= SPANS:
                watched = monitored(folder, month) if month > SPANS else {}
                cells = [f"2013-{month:02}", *_watched(watched), *trained(folder, bool(watched))]
                print(f"| {' | '.join(cells)} |", flush=True)


def write_month(source: pathlib.Path, folder: pathlib.Path, month: int) -> None:
    """Writes the flights of a month as a span, as requests, and their labels."""
    span = folder / "spans" / str(month)
    span.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect()
    connection.execute(f"CREATE TABLE flights AS FROM '{source}' WHERE month = {month}")
    connection.execute(f"COPY flights TO '{span / 'flights.csv'}'")
    numbered = "SELECT row_number() OVER () AS number, * FROM flights"
    for name, columns in (("requests", "* EXCLUDE (late)"), ("labels", "number, late")):
        connection.execute(f"COPY (SELECT {columns} FROM ({numbered})) TO '{folder / name}.parquet'")


def monitored(folder: pathlib.Path, month: int) -> dict[str, Any]:
    """Returns the report on the flights of a month as requests to the stable version."""
    command = ["pipeline/monitor.py", "--model", str(folder / "run" / "serving"), "--json", "--key", "number"]
    command += ["--requests", str(folder / "requests.parquet"), "--labels", str(folder / "labels.parquet")]
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False
    )
    if done.returncode not in (0, 3):
        raise SystemExit(f"monitor.py ended with {done.returncode} for month {month}.")
    (folder / "monitor.json").write_bytes(done.stdout)
    return dict(json.loads(done.stdout))


def _watched(report: dict[str, Any]) -> tuple[str, str]:
    if not report:
        return "", ""
    drifted = [name for name, found in report["features"].items() if found["state"] == "alarm"]
    others = len(report["alarms"]) - len(drifted)
    shown = ", ".join(drifted[:3]) + (f" and {len(drifted) - 3} more" if len(drifted) > 3 else "")
    alarms = f"{shown}; {others} of predictions, quality or single days" if others else shown
    measured = [report[name]["metrics"]["auc"] for name in ("estimated_quality", "quality")]
    return alarms or "none", " and ".join(f"{auc:.3f}" for auc in measured)


def trained(folder: pathlib.Path, watched: bool) -> tuple[str, str, str]:
    """Trains again where the stable version is stale; returns the result, the quality and the reason."""
    config = folder / "flights.yaml"
    config.write_text(CONFIG.format(folder=folder, spans=SPANS), encoding="utf-8")
    command = ["pipeline/run_local.py", str(config), "--out", str(folder / "run"), "--json", "--if-stale"]
    command += [str(folder / "monitor.json")] if watched else []
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False
    )
    summary = json.loads(done.stdout)
    gates = {gate["name"]: gate for gate in summary["gates"]}
    failed = [gate for gate in summary["gates"] if not gate["passed"]]
    why = (failed or [gates[name] for name in ("champion", "linear") if name in gates] or [{"why": ""}])[0]["why"]
    why = why or str(summary.get("error") or "").replace("\n", " ")
    metrics = {"new": summary["metrics"]["test"], "stable": summary["baselines"].get("champion", {})}
    quality = ", ".join(f"{name} {found['auc']:.3f}" for name, found in metrics.items() if found)
    version = summary["serving"]["version"]
    result = f"pushed as version {version}" if summary["status"] == "pushed" else summary["status"].replace("_", " ")
    return result, quality, why


if __name__ == "__main__":
    main()
