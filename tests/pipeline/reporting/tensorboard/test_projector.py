"""The embeddings of categories as TensorBoard's projector reads them, with values by hand."""

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorboard.plugins.projector import projector_config_pb2

from core.spec import Input, inputs_to_json
from pipeline.reporting.tensorboard import projector
from tests.pipeline.reporting import records

INPUTS = (
    Input("age", "numeric"),
    Input("town", "categorical", 4, values=("Bonn", "Bad\tUlm")),
    Input("weekday", "categorical", 2),
)
VECTORS = np.arange(12, dtype=np.float32).reshape(6, 2) / 4


def record(folder, *variables):
    """Returns a run whose model has these variables: name and value."""
    transform = records.execution("Transform", folder, "transform_graph")
    made = records.with_executions(records.evaluated(folder), transform)
    (made.uri("Transform", "transform_graph") / "inputs.json").write_text(inputs_to_json(INPUTS))
    module = tf.Module()
    module.variables_ = [tf.Variable(value, name=name) for name, value in variables]
    tf.saved_model.save(module, str(made.uri("Trainer", "model") / "Format-Serving"))
    return made


def test_each_vector_has_its_column_and_value(tmp_path):
    network = [("hidden/kernel", [1.0]), ("categorical_embedding/embedding/embeddings", VECTORS)]
    board = tmp_path / "board"
    board.mkdir()
    projector.write(record(tmp_path, *network), board)
    (table,) = text_format.Parse(
        (board / "projector_config.pbtxt").read_text(), projector_config_pb2.ProjectorConfig()
    ).embeddings
    np.testing.assert_array_equal(np.loadtxt(board / table.tensor_path, delimiter="\t"), VECTORS)
    rows = ["town\tBonn", "town\tBad Ulm", "town\t(unknown)", "town\t(missing)", "weekday\t0", "weekday\t1"]
    assert (board / table.metadata_path).read_text().splitlines() == ["column\tvalue", *rows]


@pytest.mark.parametrize("name", ["hidden/kernel", "text_embedding/embedding/embeddings"])
def test_a_model_without_embeddings_of_categories_has_no_projector(tmp_path, name):
    projector.write(record(tmp_path, (name, VECTORS)), tmp_path / "board")
    assert not (tmp_path / "board").exists()
