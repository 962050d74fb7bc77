"""Trainings that were killed, and go on."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

CODE = """
import os, signal, sys
import keras, numpy as np
from core.config.sections import Train
from core.spec import Input, Label, Spec
from models import families
from models.preprocessing.rows import TransformedRows

path, result, killed_in = sys.argv[1:]
x = np.random.default_rng(0).random([100, 1], np.float32)
train = TransformedRows({"numeric": x}, ((x[:, 0] > 0.3) & (x[:, 0] < 0.7)).astype(np.int64))
other = TransformedRows({"numeric": x}, np.random.default_rng(2).integers(0, 2, 100))
mlp = families.FAMILIES["mlp"]
epochs = []

def kill(epoch, logs):
    epochs.append(epoch)
    if str(epoch) == killed_in:
        os.kill(os.getpid(), signal.SIGKILL)

inputs = (Input("x", "numeric", mean=0.5, std=0.3, boundaries=(0.25, 0.5, 0.75)),)
values = mlp.defaults({"layers": 1, "units": 128, "learning_rate": 0.01})
found = mlp.fit(
    Spec(Label("y", "binary", "int", ("0", "1")), ()), inputs, values, train, other,
    Train(epochs=12, patience=6, batch_size=16, noise=0.1), backup=path or None,
    callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=kill)],
)
np.savez(result, *found.predictor.get_weights(), loss=found.history["loss"], epochs=found.epochs, first=epochs[0])
"""


def train(backup, result, killed_in="never"):
    return subprocess.Popen([sys.executable, "-c", CODE, str(backup), str(result), killed_in], stderr=subprocess.PIPE)


@pytest.mark.slow
def test_a_killed_training_gives_what_one_gives_that_was_not_broken(tmp_path):
    whole = train("", tmp_path / "whole.npz")
    broken = train(tmp_path / "backup.npz", tmp_path / "none.npz", "5")
    assert (whole.wait(), broken.wait()) == (0, -signal.SIGKILL)
    assert os.path.getsize(tmp_path / "backup.npz") > 1_000
    assert train(tmp_path / "backup.npz", tmp_path / "goes_on.npz").wait() == 0
    expected, found = (dict(np.load(tmp_path / name)) for name in ("whole.npz", "goes_on.npz"))
    assert expected.pop("first") == 0 < found.pop("first") <= 5
    assert expected["epochs"] > 6
    assert expected.keys() == found.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)
