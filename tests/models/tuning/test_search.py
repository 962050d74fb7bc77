"""The search, with real trials on a tiny table."""

import os
import signal

import keras_tuner
import numpy as np
import pytest

from core import interruption, progress
from core.config.sections import Train, Tune
from core.errors import GateError, UserError
from core.spec import Input, Label, Spec
from models import families
from models.preprocessing.rows import TransformedRows
from models.tuning.search import Search
from models.tuning.space import space

pytestmark = pytest.mark.slow

X = np.random.default_rng(0).random([64, 1], np.float32)
ROWS = TransformedRows({"numeric": X}, (X[:, 0] > 0.5).astype(np.int64))
INPUTS = (Input("x", "numeric", mean=0.5, std=0.3),)
SPEC = Spec(Label("y", "binary", "int", ("0", "1")), (), family="linear")


def search(directory, spec: Spec = SPEC, inputs=INPUTS, rows: TransformedRows = ROWS, **options) -> Search:
    logs, trained = options.pop("logs", None), options.pop("options", None)
    tune = Tune(**{"trials": 2, "epochs": 1, **options})
    return Search(spec, inputs, rows, rows, tune, "name", str(directory), logs, options=trained)


@pytest.mark.slow
def test_the_first_trial_has_the_defaults_and_the_best_is_chosen(tmp_path):
    tuner = search(tmp_path, trials=3)
    tuner.search(verbose=0)
    trials = [tuner.oracle.trials[identifier] for identifier in tuner.oracle.start_order]
    assert trials[0].hyperparameters.values == families.FAMILIES["linear"].defaults()
    assert tuner.num_completed() == 3
    assert tuner.best_trial().score == max(trial.score for trial in trials)
    assert tuner.get_best_hyperparameters()[0].values == tuner.best_trial().hyperparameters.values
    assert tuner.finding().startswith(f"best of 3 trials: auc {tuner.best_trial().score:.4f} (the defaults")
    reported = tuner.trials()
    assert [trial["score"] for trial in reported] == [trial.score for trial in trials]
    assert [trial["epochs"] for trial in reported] == [1, 1, 1]
    assert sorted(trial["status"] for trial in reported) == ["chosen", "completed", "completed"]


def test_a_trial_that_is_only_lucky_is_not_chosen(tmp_path):
    labels = np.random.default_rng(1).integers(0, 2, 64)
    tuner = search(tmp_path, rows=TransformedRows({"numeric": X}, labels), trials=2)
    tuner.search(verbose=0)
    assert tuner.get_best_hyperparameters()[0].values == families.FAMILIES["linear"].defaults()
    tuner.forget()
    assert "(the defaults" in tuner.finding()


@pytest.mark.slow
def test_an_interrupted_search_goes_on(tmp_path):
    first = search(tmp_path, trials=1)
    first.search(verbose=0)
    again = search(tmp_path, trials=2)
    assert again.num_completed() == 1
    again.search(verbose=0)
    assert again.num_completed() == 2
    assert again.oracle.trials["0"].score == first.oracle.trials["0"].score
    again.forget()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("file", ["tuner0.json", "oracle.json", "trial_0/trial.json"])
@pytest.mark.parametrize("size", [0, 20])
def test_an_interrupted_search_starts_over_where_its_files_were_cut(tmp_path, file, size):
    first = search(tmp_path, trials=1)
    first.search(verbose=0)
    os.truncate(os.path.join(first.project_dir, file), size)
    again = search(tmp_path, trials=1)
    assert again.num_completed() == 0
    again.search(verbose=0)
    assert again.num_completed() == 1
    assert again.oracle.trials["0"].score == first.oracle.trials["0"].score


def test_each_trial_leaves_its_curves(tmp_path):
    search(tmp_path / "trials", logs=str(tmp_path / "logs")).search(verbose=0)
    assert sorted(os.listdir(tmp_path / "logs")) == ["trial-0", "trial-1"]
    assert list((tmp_path / "logs" / "trial-1" / "validation").glob("events*"))


def test_trials_are_short_and_weigh_classes_as_the_training_does(tmp_path):
    tuner = search(tmp_path, trials=1, epochs=2, options=Train(epochs=99, class_weights="balanced"))
    fit, given = tuner._fit, []

    def remember(**arguments):
        given.append(arguments["options"])
        return fit(**arguments)

    tuner._fit = remember
    tuner.search(verbose=0)
    assert given == [Train(epochs=2, patience=2, class_weights="balanced")]


def test_without_trials_the_defaults_are_taken(tmp_path):
    tuner = search(tmp_path, trials=0)
    tuner.search(verbose=0)
    assert tuner.get_best_hyperparameters()[0].values == families.FAMILIES["linear"].defaults()
    assert tuner.finding() == "no trials: the defaults are taken as they are"


@pytest.mark.slow
def test_what_the_configuration_fixes_stays(tmp_path):
    spec = Spec(SPEC.label, (), family="linear", hyperparameters={"learning_rate": 0.05})
    tuner = search(tmp_path, spec, algorithm="random")
    tuner.search(verbose=0)
    assert {trial.hyperparameters.values["learning_rate"] for trial in tuner.oracle.trials.values()} == {0.05}
    assert len({trial.hyperparameters.values["weight_decay"] for trial in tuner.oracle.trials.values()}) == 2


@pytest.mark.parametrize("family", families.FAMILIES)
def test_every_space_can_be_declared_and_drawn_from(family):
    declared = space(family, {})
    assert declared.values == families.FAMILIES[family].defaults()
    for hyperparameter in declared.space:
        families.check(family, {hyperparameter.name: hyperparameter.random_sample(0)})


@pytest.mark.slow
def test_when_every_trial_fails_the_first_ones_error_is_said(tmp_path):
    inputs = (Input("lacking", "categorical", size=3),)
    with pytest.raises(RuntimeError, match=r"Every trial failed\. The first one: "):
        search(tmp_path, inputs=inputs).search(verbose=0)


def test_failed_trials_are_counted_and_do_not_end_the_search(tmp_path):
    tuner = search(tmp_path, trials=6)
    fit = tuner._fit

    def diverge_after_the_first(**given):
        if len(tuner.oracle.trials) > 1:
            raise GateError("training diverged")
        return fit(**given)

    tuner._fit = diverge_after_the_first
    tuner.search(verbose=0)
    assert len(tuner.oracle.trials) == 6
    assert tuner.num_completed() == 1
    assert tuner.report()["failed"] == ["core.errors.GateError: training diverged"] * 5
    assert "5 failed" in tuner.finding()


def test_what_no_trial_can_put_right_ends_the_search(tmp_path):
    spec = Spec(SPEC.label, (), family="linear", hyperparameters={"learning_rate": 0.05})
    tuner = search(tmp_path, spec)

    def fit(**_):
        raise UserError("the disk is full")

    tuner._fit = fit
    with pytest.raises(UserError, match="the disk is full"):
        tuner.search(verbose=0)
    assert len(tuner.oracle.trials) == 1


def test_one_class_only_is_compared_by_log_loss(tmp_path):
    rows = TransformedRows(ROWS.features, np.zeros(64, np.int64))
    tuner = search(tmp_path, rows=rows, trials=1)
    tuner.search(verbose=0)
    assert tuner.metric == "log_loss"
    assert tuner.oracle.objective == keras_tuner.Objective("val_log_loss", "min")


def test_the_first_ctrl_c_ends_the_search_with_the_best_so_far_and_the_second_one_the_run(tmp_path, monkeypatch):
    def press(text, done, total):
        if text.startswith("trial 3/"):
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(progress, "report", press)
    before = signal.signal(signal.SIGINT, interruption.handle)
    try:
        tuner = search(tmp_path, trials=5, epochs=3)
        tuner.search(verbose=0)
        assert [trial["status"] for trial in tuner.trials()][2:] == ["stopped"]
        assert tuner.num_completed() == len(tuner.report()["best_so_far"]) == 2
        assert tuner.report()["stopped"]
        assert tuner.finding().startswith("stopped by hand, best of 2 trials: auc ")
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt), interruption.ends(tuner.stop):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_ctrl_c_stops_the_run_where_no_trial_has_completed(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "report", lambda *_: signal.raise_signal(signal.SIGINT))
    before = signal.signal(signal.SIGINT, interruption.handle)
    try:
        with pytest.raises(KeyboardInterrupt):
            search(tmp_path).search(verbose=0)
    finally:
        signal.signal(signal.SIGINT, before)
