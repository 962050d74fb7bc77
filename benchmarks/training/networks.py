"""Measures the training of networks: its throughput, its memory and the overhead of the Tuner.

    python benchmarks/training/networks.py [--rows 100000] [--families mlp tabm] [--trials 8]

- Throughput: a training of `models.networks.fit`, and the same compiled step on one resident batch.
- Memory: the most that a process holds beside files, while it trains on so many rows and on ten times as many. The rows
  are in mapped files, as those of a large table are.
- Tuner: the time of a search outside of its trainings.

Ratios of two measurements in one run do not depend on the machine; nothing else should run beside them.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any
from unittest import mock

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[0:1] = [str(ROOT)]

import keras
import numpy as np
import psutil
import tensorflow as tf

from core.config.sections import Train, Tune
from core.spec import Input, Label, Spec
from models import families
from models.networks import fit as fitting
from models.preprocessing.rows import TransformedRows
from models.trained import Trained
from models.training.dataset import ArrayAllocator
from models.tuning.search import Search

NUMERICS, CATEGORICALS, VALUES = 20, 8, 50
INPUTS = (
    *(Input(f"n{i}", "numeric", mean=0.0, std=1.0, boundaries=tuple(np.linspace(-2, 2, 49))) for i in range(NUMERICS)),
    *(Input(f"c{i}", "categorical", size=VALUES) for i in range(CATEGORICALS)),
)
LABEL = Label("y", "binary", "int", ("0", "1"))
BLOCK = 50_000  # rows that are made at once


def rows(count: int, in_files: bool = False) -> TransformedRows:
    """Returns made rows, whose label depends on a number and a category."""
    generator = np.random.default_rng(0)
    allocator = ArrayAllocator(size=0 if in_files else 10**10)
    features = {
        "numeric": allocator.empty((count, NUMERICS), np.dtype(np.float32)),
        "categorical": allocator.empty((count, CATEGORICALS), np.dtype(np.int64)),
    }
    labels = np.empty(count, np.int64)
    for start in range(0, count, BLOCK):
        part = slice(start, min(start + BLOCK, count))
        size = part.stop - part.start
        features["numeric"][part] = numbers = generator.normal(size=(size, NUMERICS))
        features["categorical"][part] = codes = generator.integers(0, VALUES, (size, CATEGORICALS))
        labels[part] = numbers[:, 0] + codes[:, 0] / VALUES + generator.normal(size=size) > 0.5
    return TransformedRows(features, labels)


def train(family: str, train_rows: TransformedRows, validation: TransformedRows, **options: Any) -> Trained:
    """Returns what the training of a family's defaults gives."""
    known = families.FAMILIES[family]
    section = Train(**{"epochs": 3, "patience": 3, **options})
    return known.fit(Spec(LABEL, (), family=family), INPUTS, known.defaults(), train_rows, validation, section)


def resident(
    features: dict[str, np.ndarray], targets: np.ndarray, weights: None, size: int, *_: int
) -> tf.data.Dataset:
    """Returns the first batch for ever, as one tensor that stays where it is."""
    batch = ({kind: values[:size] for kind, values in features.items()}, targets[:size])
    return tf.data.Dataset.from_tensors(batch).repeat()


def throughput(family: str, count: int) -> float:
    """Prints the rows a second of a family, and of the same step on a resident batch; returns their ratio."""
    made, validation = rows(count), rows(1_000)
    ratios, size = [], fitting.auto_batch_size(count)
    for _ in range(3):  # one after the other, so that other work on the machine disturbs both
        fed = train(family, made, validation).time
        with mock.patch.object(fitting.batching, "batches", resident):
            alone = train(family, made, validation).time
        ratios.append(alone.step / fed.step)
    ratio = float(np.median(ratios))
    print(
        f"{family:7} {size / fed.step:9,.0f} rows/s · on a resident batch {size / alone.step:9,.0f} · ratio {ratio:.2f}"
    )
    return ratio


def peak(count: int) -> int:
    """Trains on rows in mapped files, and returns the most bytes of memory that are no pages of files."""
    process, most, ended = psutil.Process(), [0], threading.Event()

    def watch() -> None:
        while not ended.wait(0.02):
            memory = process.memory_info()
            most[0] = max(most[0], memory.rss - memory.shared)

    made = rows(count, in_files=True)
    watcher = threading.Thread(target=watch)
    watcher.start()
    train("linear", made, rows(1_000), epochs=1, batch_size=1_024)
    ended.set()
    watcher.join()
    return most[0]


def memory(count: int) -> float:
    """Prints the memory of trainings on so many rows and ten times as many; returns their ratio."""
    found = []
    for times in (1, 10):
        command = [sys.executable, __file__, "--peak", str(count * times)]
        found.append(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
        print(f"memory  {found[-1] / 1e6:9,.0f} MB for {count * times:,} rows")
    return found[1] / found[0]


def overhead(trials: int) -> float:
    """Prints the share of a search that is no training of a trial; returns it."""
    made, inside = rows(20_000), [0.0]
    with tempfile.TemporaryDirectory() as folder:
        spec = Spec(LABEL, (), family="mlp")
        search = Search(spec, INPUTS, made, rows(2_000), Tune(trials=trials), "benchmark", folder)
        fit = search._fit

        def timed(**arguments: Any) -> Trained:
            begun = time.monotonic()
            try:
                return fit(**arguments)
            finally:
                inside[0] += time.monotonic() - begun

        search._fit = timed
        begun = time.monotonic()
        search.search(verbose=0)
        seconds = time.monotonic() - begun
    share = 1 - inside[0] / seconds
    print(f"Tuner   {trials} trials in {seconds:.1f} s, of which {100 * share:.1f} % are no training")
    return share


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--rows", type=int, default=100_000, help="the rows of the throughput and the memory")
    parser.add_argument("--families", nargs="+", default=["linear", "mlp", "tabm"], help="the networks")
    parser.add_argument("--trials", type=int, default=8, help="the trials of the search")
    parser.add_argument("--peak", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peak:
        print(peak(arguments.peak))
        return
    keras.utils.set_random_seed(0)
    for family in arguments.families:
        throughput(family, arguments.rows)
    print(f"memory  {memory(arguments.rows):.2f} times as much for ten times the rows")
    overhead(arguments.trials)


if __name__ == "__main__":
    main()
