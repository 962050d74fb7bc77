"""What a search reports of its trials."""

import keras_tuner

from models.tuning import trial_report
from tests.models.tuning.trials import SPACE, trial

LOSS = keras_tuner.Objective("val_log_loss", "min")


def test_the_best_so_far_and_the_failures():
    failed = trial(1, 0.5, score=None)
    failed.message = (
        'Traceback:\n  File "fit.py", line 3, in fit\n    fit(\n        x)\nValueError: too large\nsee above\n'
    )
    trials = [trial(0, 0.1, score=0.5), failed, trial(2, 0.2, score=0.6), trial(3, 0.3, score=0.4)]
    found = trial_report.summary("random", LOSS, SPACE, trials)
    assert found == {
        "algorithm": "random",
        "metric": "log_loss",
        "failed": ["ValueError: too large"],
        "best_so_far": [0.5, 0.5, 0.4],
        "importance": {},
    }
    assert trial_report.line("0.4000", "x", found) == "best of 3 trials, 1 failed: log_loss 0.4000 (x)"


def test_the_line_names_what_matters_where_it_has_room():
    found = {"metric": "auc", "failed": [], "best_so_far": [0.5, 0.6], "importance": {"units": 0.7, "layers": 0.3}}
    assert trial_report.line("0.6000", "x", found) == "best of 2 trials: auc 0.6000 (x); units matters most"
    assert "units" not in trial_report.line("0.6000", "x" * 60, found)


def test_what_hyperband_keeps_is_left_out():
    kept = trial(0, 0.1, score=None)
    kept.hyperparameters.values["tuner/epochs"] = 2
    assert trial_report.hyperparameters(kept).values == {"a": 0.1, "b": 0.01, "c": "x", "d": 7}
    assert trial_report.error(kept) == "the score is None"
