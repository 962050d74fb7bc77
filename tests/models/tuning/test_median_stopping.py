"""The median stopping rule on literal losses."""

import keras
import pytest

from models.tuning.median_stopping import MedianStopping


def lasts(curves: list[list[float]], losses: list[float]) -> int:
    """Returns after how many epochs a trial with these losses ends."""
    stopping = MedianStopping(curves)
    stopping.set_model(keras.Sequential())
    stopping.model.stop_training = False
    for epoch, loss in enumerate(losses):
        stopping.on_epoch_end(epoch, {"val_loss": loss})
        if stopping.model.stop_training:
            break
    stopping.on_train_end()
    return epoch + 1


@pytest.mark.parametrize(
    ("losses", "epochs"),
    [
        ([0.61, 0.1, 0.1], 1),  # the median after one epoch is 0.6
        ([0.6, 0.51, 0.1], 2),  # after two it is (0.6 + 0.4) / 2
        ([0.6, 0.5, 0.5], 3),
        ([0.3, 0.9, 0.9], 3),  # its best loss counts
    ],
)
def test_a_trial_behind_the_median_ends(losses, epochs):
    curves = [[0.9, 0.8, 0.7], [0.6, 0.4, 0.2], [0.5, 0.3, 0.1]]
    assert lasts(curves, losses) == epochs
    assert curves[3] == losses[:epochs]


def test_a_few_trials_are_no_measure():
    assert lasts([[0.1, 0.1], [0.1, 0.1]], [0.9, 0.9]) == 2


def test_trials_that_ended_sooner_are_no_measure():
    assert lasts([[0.1], [0.1], [0.1, 0.1]], [0.1, 0.9, 0.9]) == 3
