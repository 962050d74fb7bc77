"""Compares the default run with TFX's taxi template, and its model with scikit-learn's: `make bench`.

    python benchmarks/taxi.py [--repeat 1]

Both pipelines start from an empty folder, in separate processes, one after the other on the same machine. The default
run has a Tuner, the template has none. Both models are evaluated on the same rows: the test split of the default run.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

import numpy as np
import pyarrow.parquet as parquet
from rich.console import Console
from rich.table import Table
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

ROOT = pathlib.Path(__file__).resolve().parent.parent
LABEL = "big_tip"


def seconds(command: Sequence[str], log: pathlib.Path) -> float:
    """Runs a command in the project's root with its output in a file; returns its duration in seconds."""
    begun = time.monotonic()
    with open(log, "w") as file:
        subprocess.run(command, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT, check=True)
    return time.monotonic() - begun


def split(run: pathlib.Path, name: str):  # type: ignore[no-untyped-def]
    """Returns a split of the run's Examples as a data frame of scalars."""
    (folder,) = run.glob(f"artifacts/ExampleGen/examples/*/Split-{name}")
    frame = parquet.read_table(folder).to_pandas()
    return frame.map(lambda values: None if values is None or not len(values) else values[0])


def boosting_auc(run: pathlib.Path) -> float:
    """Returns the test AUC of HistGradientBoosting with its defaults, trained on the same rows and columns."""
    train, test = split(run, "train"), split(run, "test")
    features = [name for name in train if name != LABEL]
    texts = [name for name in features if train[name].map(type).eq(bytes).any()]
    numbers = [name for name in features if name not in texts]
    for frame in (train, test):
        frame[numbers] = frame[numbers].astype(float)
        frame[texts] = frame[texts].map(lambda value: "" if value is None else value.decode())
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, max_categories=250)
    model = make_pipeline(
        make_column_transformer((encoder, texts), remainder="passthrough"),
        HistGradientBoostingClassifier(random_state=0),
    )
    model.fit(train[features], train[LABEL].astype(int))
    return float(roc_auc_score(test[LABEL].astype(int), model.predict_proba(test[features])[:, 1]))


def main() -> None:
    """Runs the benchmark and prints its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--repeat", type=int, default=1, help="how often both are run; the median is reported (default: 1)"
    )
    repeat = parser.parse_args().repeat
    ours, stock = [], []
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(repeat):
            run, template = pathlib.Path(folder) / f"ours-{turn}", pathlib.Path(folder) / f"stock-{turn}"
            template.mkdir()
            command = [sys.executable, "pipeline/run_local.py", "--out", str(run)]
            ours.append(seconds(command, pathlib.Path(folder) / "ours.log"))
            stock.append(seconds([sys.executable, "benchmarks/stock_tfx/taxi.py", str(template)], template / "log"))
        summary = json.loads((run / "summary.json").read_text())
        boosting = boosting_auc(run)
    mine, theirs = statistics.median(ours), statistics.median(stock)
    table = Table(
        "", "skewless", "compared with", "", title="Chicago taxi, 15,002 rows", title_justify="left", box=None
    )
    table.add_row("whole run", f"{mine:.1f} s", f"{theirs:.1f} s", f"TFX's template; ratio {mine / theirs:.2f}")
    auc = summary["metrics"]["test"]["auc"]
    table.add_row(
        "test AUC", f"{auc:.4f}", f"{boosting:.4f}", f"HistGradientBoosting; difference {auc - boosting:+.4f}"
    )
    Console().print(table)


if __name__ == "__main__":
    main()
