"""Tests that a SavedModel which cannot be loaded is the user's error."""

import os
import pathlib
import shutil

import pytest
import tensorflow as tf

from core.errors import UserError
from models.serving.served_model import ServedModel


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "model"
    module = tf.Module()
    module.weights = tf.Variable(tf.ones([100]))
    tf.saved_model.save(module, str(folder))
    return folder


DATA = "variables/variables.data-00000-of-00001"


@pytest.mark.parametrize("file", ["saved_model.pb", "variables/variables.index", DATA])
@pytest.mark.parametrize("size", [0, 50])
def test_a_file_that_was_cut(saved, tmp_path, file, size):
    damaged = pathlib.Path(shutil.copytree(saved, tmp_path / "model"))
    os.truncate(damaged / file, size)
    with pytest.raises(UserError, match=rf"(?s)The model in {damaged} cannot be loaded: .*Run the pipeline again"):
        ServedModel(str(damaged))


@pytest.mark.parametrize("file", ["variables/variables.index", DATA])
def test_a_file_that_is_gone(saved, tmp_path, file):
    damaged = pathlib.Path(shutil.copytree(saved, tmp_path / "model"))
    (damaged / file).unlink()
    with pytest.raises(UserError, match=rf"(?s)The model in {damaged} cannot be loaded: .*Run the pipeline again"):
        ServedModel(str(damaged))
