"""The search over several families, with real trials on a tiny table."""

import dataclasses
import json

import numpy as np
import pytest

from core.config.sections import Train, Tune
from core.spec import Input, Label, Spec
from models import families
from models.families.family import Family
from models.preprocessing.rows import TransformedRows
from models.training import portfolio
from models.tuning.auto_search import AutoSearch
from models.tuning.search import Search
from models.tuning.time_budget import TimeBudget

pytestmark = pytest.mark.slow

X = np.random.default_rng(0).random([64, 1], np.float32)
ROWS = TransformedRows({"numeric": X}, (X[:, 0] > 0.5).astype(np.int64))
INPUTS = (Input("x", "numeric", mean=0.5, std=0.3),)
SPEC = Spec(Label("y", "binary", "int", ("0", "1")), (), family="auto")


def broken(*args, **kwargs):
    raise ValueError("The rows cannot be used.")


def auto_search(
    directory, monkeypatch, names: tuple[str, ...], seconds: float, trials: int, times: float = 1.0
) -> AutoSearch:
    """Returns a search over some families, one of which always fails."""
    monkeypatch.setitem(families.FAMILIES, "broken", Family("broken", {}, broken))
    monkeypatch.setattr(portfolio, "_ORDER", names)
    budget = TimeBudget(seconds)
    tune = Tune(algorithm="random")

    def search(family: str) -> Search:
        spec = dataclasses.replace(SPEC, family=family)
        given = (ROWS, ROWS, tune, "name", str(directory), None, budget, Train(epochs=1))
        return Search(spec, INPUTS, *given, several=True, keep=True)

    return AutoSearch(search, "binary", ROWS, trials, budget, times=times)


def test_a_family_that_fails_is_named_and_left_out(tmp_path, monkeypatch):
    tuner = auto_search(tmp_path, monkeypatch, ("broken", "linear"), 600, 1)
    tuner.search(verbose=0)
    assert tuner.num_completed() == 2
    assert tuner.finding().endswith("; failed: broken")
    assert tuner.report()["failed"] == ["ValueError: The rows cannot be used."]
    assert {member.family for member in tuner.members} == {"linear"}
    assert all(member.trained is not None for member in tuner.members)
    (best,) = tuner.get_best_hyperparameters()
    assert json.loads(best.values["members"]) == [member.to_json() for member in tuner.members]
    tuner.forget()
    assert list(tmp_path.iterdir()) == []


def test_without_time_the_first_family_is_trained_all_the_same(tmp_path, monkeypatch):
    tuner = auto_search(tmp_path, monkeypatch, ("linear", "mlp"), 0, 4)
    tuner.search(verbose=0)
    assert [member.family for member in tuner.members] == ["linear"]
    assert tuner.num_completed() == 1


def test_each_family_but_the_last_may_take_half_of_the_time_that_is_left(tmp_path, monkeypatch):
    given = []

    def noting(*args, budget, **kwargs):
        given.append(budget)
        return families.FAMILIES["linear"].fit(*args, budget=budget, **kwargs)

    for name in ("one", "two"):
        monkeypatch.setitem(families.FAMILIES, name, Family(name, families.FAMILIES["linear"].space, noting))
    auto_search(tmp_path, monkeypatch, ("one", "two"), 600, 0).search(verbose=0)
    first, second = given
    assert 250 < first <= 300
    assert 500 < second <= 600


def test_an_error_of_every_family_is_an_error(tmp_path, monkeypatch):
    with pytest.raises(RuntimeError, match="The rows cannot be used"):
        auto_search(tmp_path, monkeypatch, ("broken",), 600, 1).search(verbose=0)


def test_hyperparameters_that_were_found_on_a_sample_are_those_for_all_rows(tmp_path, monkeypatch):
    linear = families.FAMILIES["linear"]

    def grown(values, times):
        return {**values, "learning_rate": values["learning_rate"] * times}

    monkeypatch.setitem(families.FAMILIES, "growing", dataclasses.replace(linear, name="growing", grown=grown))
    tuner = auto_search(tmp_path, monkeypatch, ("growing",), 600, 0, times=1.5)
    tuner.search(verbose=0)
    assert [member.hyperparameters["learning_rate"] for member in tuner.members] == [pytest.approx(0.075)]
