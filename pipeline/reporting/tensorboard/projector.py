"""Writes what TensorBoard's projector shows: the embeddings of the categories, which networks have learnt."""

import pathlib
from collections.abc import Iterator, Sequence

import numpy as np

from core.spec import Input, inputs_from_json
from pipeline.reporting.run_record import RunRecord

_LAYER = "categorical_embedding"
_MOST = 20_000  # rows of a table that a browser can show
_CONFIG = "projector_config.pbtxt"


def write(record: RunRecord, folder: pathlib.Path) -> None:
    """Writes a table of vectors for each network of the model, with the column and the value of each row.

    Args:
        record: the run; nothing is written for a model that has no embeddings.
        folder: the run of TensorBoard.
    """
    model, graph = record.uri("Trainer", "model"), record.uri("Transform", "transform_graph")
    tables = list(_tables(model / "Format-Serving")) if model and graph else []
    if not tables or not graph or (folder / _CONFIG).exists():
        return
    from google.protobuf import text_format
    from tensorboard.plugins.projector import projector_config_pb2

    config = projector_config_pb2.ProjectorConfig()
    labels = _labels(inputs_from_json((graph / "inputs.json").read_text(encoding="utf-8")))[:_MOST]
    lines = ["column\tvalue", *("\t".join(" ".join(text.split()) for text in label) for label in labels)]
    (folder / "categories.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for number, table in enumerate(tables, 1):
        name = f"categories-{number}"
        np.savetxt(folder / f"{name}.vectors.tsv", table[:_MOST], "%.6g", "\t")
        config.embeddings.add(tensor_name=name, tensor_path=f"{name}.vectors.tsv", metadata_path="categories.tsv")
    (folder / _CONFIG).write_text(text_format.MessageToString(config), encoding="utf-8")


def _tables(model: pathlib.Path) -> Iterator[np.ndarray]:
    """Yields float32[categories of all columns, units] of each network, which are read without loading the model."""
    import tensorflow as tf
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel.FromString((model / "saved_model.pb").read_bytes())
    nodes = saved.meta_graphs[0].object_graph_def.nodes
    lists = [child.node_id for child in nodes[0].children if child.local_name == "variables_"]
    values = tf.train.load_checkpoint(str(model / "variables" / "variables"))
    for child in (child for number in lists for child in nodes[number].children):
        if _LAYER in nodes[child.node_id].variable.name.split("/"):
            yield values.get_tensor(f"variables_/{child.local_name}/.ATTRIBUTES/VARIABLE_VALUE")


def _labels(inputs: Sequence[Input]) -> list[tuple[str, str]]:
    """Returns the column and the value of each row of the tables: the columns lie one after the other."""
    categories = [model_input for model_input in inputs if model_input.kind == "categorical"]
    return [(category.name, value) for category in categories for value in _values(category)]


def _values(category: Input) -> list[str]:
    """Returns the values of a category in the order of their indexes; the indexes where the values are not known."""
    if not category.values:
        return [str(index) for index in range(category.size)]
    hash_buckets = category.size - len(category.values) - 1
    return [*category.values, *["(unknown)"] * hash_buckets, "(missing)"]
