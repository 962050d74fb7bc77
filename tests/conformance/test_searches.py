"""Tests what every search algorithm must do, with real trials on a tiny table."""

import dataclasses

import numpy as np
import pytest

from core.config.sections import Tune
from core.spec import Input, Label, Spec
from models import families
from models.preprocessing.rows import TransformedRows
from models.tuning import searches
from models.tuning.search import Search

pytestmark = pytest.mark.slow

X = np.random.default_rng(0).random([64, 1], np.float32)
ROWS = TransformedRows({"numeric": X}, (X[:, 0] > 0.5).astype(np.int64))
INPUTS = (Input("x", "numeric", mean=0.5, std=0.3),)
SPEC = Spec(Label("y", "binary", "int", ("0", "1")), (), family="linear")

every_search = pytest.mark.parametrize("algorithm", searches.SEARCHES)


def search(directory, algorithm, trials=3) -> Search:
    tune = Tune(algorithm=algorithm, trials=trials, epochs=1)
    return Search(SPEC, INPUTS, ROWS, ROWS, tune, "name", str(directory))


def tried(tuner):
    return [tuner.oracle.trials[identifier].hyperparameters.values for identifier in tuner.oracle.start_order]


def own(values):
    return {name: value for name, value in values.items() if not name.startswith("tuner/")}


@every_search
def test_the_first_trial_has_the_defaults_and_the_same_seed_proposes_the_same(algorithm, tmp_path):
    first, again = (search(tmp_path / name, algorithm) for name in ("first", "again"))
    first.search(verbose=0)
    again.search(verbose=0)
    assert tried(first)[0] == families.FAMILIES["linear"].defaults()
    assert first.num_completed() == 3
    assert len({tuple(values.values()) for values in tried(first)}) == 3
    assert tried(first) == tried(again)
    for values in tried(first):
        families.check("linear", own(values))


@every_search
def test_the_second_configuration_of_a_family_follows_the_defaults(algorithm, tmp_path, monkeypatch):
    linear = families.FAMILIES["linear"]
    second = dataclasses.replace(linear, second={"learning_rate": 0.1, "weight_decay": 0.01})
    monkeypatch.setitem(families.FAMILIES, "linear", second)
    fixed = dataclasses.replace(SPEC, hyperparameters={"weight_decay": 0.001})
    tuner = Search(fixed, INPUTS, ROWS, ROWS, Tune(algorithm=algorithm, trials=2, epochs=1), "name", str(tmp_path))
    tuner.search(verbose=0)
    assert own(tried(tuner)[1]) == {"learning_rate": 0.1, "weight_decay": 0.001}


@every_search
def test_an_interrupted_search_continues(algorithm, tmp_path):
    search(tmp_path, algorithm, trials=1).search(verbose=0)
    again = search(tmp_path, algorithm, trials=2)
    assert again.num_completed() == 1
    again.search(verbose=0)
    assert again.num_completed() == 2


@every_search
def test_failed_trials_do_not_end_the_search(algorithm, tmp_path):
    tuner = search(tmp_path, algorithm, trials=6)
    fit, calls = tuner._fit, []

    def sometimes(**options):
        calls.append(options)
        if 2 <= len(calls) <= 5:
            raise ValueError("out of memory\nin a detail")
        return fit(**options)

    tuner._fit = sometimes
    tuner.search(verbose=0)
    assert tuner.num_completed() == 2
    assert tuner.report()["failed"] == ["ValueError: out of memory"] * 4
    assert tuner.finding().startswith("best of 2 trials, 4 failed: auc ")
    assert set(tuner.get_best_hyperparameters()[0].values) == {"learning_rate", "weight_decay"}


@every_search
def test_a_search_whose_time_is_over_proposes_no_trial(algorithm, tmp_path):
    tuner = search(tmp_path, algorithm, trials=9)
    tuner.run(1)
    tuner.oracle.max_trials = 9
    assert tuner.stop()
    assert tuner.oracle.create_trial("tuner0").status == "STOPPED"
    assert tuner.num_completed() == len(tuner.oracle.trials) == 1
