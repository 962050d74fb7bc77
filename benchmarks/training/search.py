"""Compares `screen_bayesian` with random search on 50,000 rows of flights: `make bench-search`.

    python benchmarks/training/search.py [--family mlp] [--rows 50000] [--seeds 5] [--random 60] [--trials 25]

For each seed a random search runs, and then `screen_bayesian` with fewer trials: the table says how many of them it
needs until it is as good as the best random one. Both begin with the defaults.
"""

import argparse
import dataclasses
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[0:1] = [str(ROOT), str(ROOT / "benchmarks")]

import flights

from core.config.sections import Tune
from core.spec import Label, Spec
from models.preprocessing.rows import TransformedRows
from models.preprocessing.transform_graph import TransformGraph
from models.training import dataset
from models.tuning.search import Search

SPEC = Spec(Label("late", "binary", "int", ("0", "1")), ())  # the graph knows the features


def main() -> None:
    """Parses the arguments, searches and prints the table."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--family", default="mlp", help="the model family")
    parser.add_argument("--rows", type=int, default=50_000, help="the rows of train, and of eval")
    parser.add_argument("--epochs", type=int, default=5, help="the epochs of a trial of a network")
    parser.add_argument("--seeds", type=int, default=5, help="how often the searches are repeated")
    parser.add_argument("--random", type=int, default=60, help="the trials of the random search")
    parser.add_argument("--trials", type=int, default=25, help="the trials of screen_bayesian")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        graph, train, validation = prepared(pathlib.Path(folder), arguments.rows)
        needed = []
        print(
            f"seed · best of {arguments.random} random trials · of {arguments.trials} screen_bayesian · reached after"
        )
        for seed in range(arguments.seeds):
            found = {}
            for algorithm, trials in (("random", arguments.random), ("screen_bayesian", arguments.trials)):
                tune = Tune(trials=trials, algorithm=algorithm, seed=seed, epochs=arguments.epochs)
                found[algorithm] = scores(graph, train, validation, tune, arguments.family, folder)
            best = max(found["random"])
            reached = next((n for n, score in enumerate(found["screen_bayesian"], 1) if score >= best), None)
            needed.append(reached or arguments.trials + 1)
            shown = f"trial {reached}" if reached else "not reached"
            print(f"{seed:4} · {best:.4f} · {max(found['screen_bayesian']):.4f} · {shown}", flush=True)
    median = statistics.median(needed)
    print(f"median {median:g}" if median <= arguments.trials else f"median: not within {arguments.trials} trials")


def prepared(folder: pathlib.Path, rows: int) -> tuple[TransformGraph, TransformedRows, TransformedRows]:
    """Runs the data stages on flights; returns the transform graph, and rows of train and of eval."""
    source = flights.table()
    command = [
        sys.executable,
        "pipeline/run_local.py",
        "--data",
        str(source),
        "--label",
        SPEC.label.name,
        "--to",
        "Transform",
    ]
    subprocess.run([*command, "--out", str(folder / "run")], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    artifacts = folder / "run" / "artifacts"
    (transformed,), (examples,) = (
        artifacts.glob(name) for name in ("Transform/transform_graph/*", "ExampleGen/examples/*")
    )
    graph = TransformGraph(str(transformed), SPEC)
    train, validation = (dataset.load(str(examples / f"Split-{split}"), graph, rows) for split in ("train", "eval"))
    return graph, train, validation


def scores(
    graph: TransformGraph, train: TransformedRows, validation: TransformedRows, tune: Tune, family: str, folder: str
) -> list[float]:
    """Returns the AUC of each trial of a search, in the order of their start; 0 where one failed."""
    spec = dataclasses.replace(SPEC, family=family)
    search = Search(spec, graph.inputs, train, validation, tune, f"{tune.algorithm}-{tune.seed}", folder)
    search.search()
    return [trial["score"] or 0.0 for trial in search.trials()]


if __name__ == "__main__":
    main()
