"""A tiny table, its Examples and its transform graph, for the tests of what reads them."""

import dataclasses
import pathlib

import pyarrow as pa
import pytest

from core.spec import Feature, Input, Label, Spec, inputs_to_json

# Six rows: a missing number, a missing category, an unknown one, an empty list. Python has its own word `class`.
ROWS = {
    "age": [[20.0], [30.0], None, [50.0], [60.0], [70.0]],
    "class": [[b"red"], [b"blue"], [b"red"], None, [b"green"], [b"blue"]],
    "tags used": [[3], [1, 2], [2], None, [1, 1, 3], [2]],
    "bought": [[b"no"], [b"yes"], [b"no"], [b"yes"], [b"yes"], [b"no"]],
    "weight": [[1.0], [1.0], [2.0], [1.0], [1.0], [2.0]],
}

SPEC = Spec(
    label=Label("bought", "binary", "text", ("no", "yes")),
    features=(
        Feature("age", "numeric", "float"),
        Feature("class", "categorical", "text"),
        Feature("tags used", "categorical", "int", repeated=True),
    ),
    weight="weight",
)
INPUTS = (
    Input("age", "numeric", mean=45.0, std=17.0, boundaries=(30.0, 45.0, 60.0)),
    Input("age_missing", "numeric", mean=0.17, std=0.37),
    Input("class", "categorical", size=4),
    Input("tags used", "tokens", size=4),
)


@dataclasses.dataclass(frozen=True)
class Prepared:
    """What the stages before the Trainer leave."""

    spec: Spec
    split: str
    graph: str


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    from core import examples

    folder = tmp_path_factory.mktemp("prepared")
    schema = examples.arrow_schema(
        {"age": "float", "class": "text", "tags used": "int", "bought": "text", "weight": "float"}
    )
    with examples.SplitWriter(str(folder / "Split-eval" / "data.parquet"), schema) as writer:
        writer.write(pa.table(ROWS, schema))
    graph = folder / "graph"
    write_graph(graph)
    return Prepared(SPEC, str(folder / "Split-eval"), str(graph))


def write_graph(folder: pathlib.Path) -> None:
    """Writes the transform graph of the tiny table."""
    import tensorflow as tf
    from tensorflow_transform import impl_helper
    from tensorflow_transform.tf_metadata import dataset_metadata, metadata_io, schema_utils

    def one(column, default):
        single = tf.SparseTensor(column.indices, column.values, [column.dense_shape[0], 1])
        return tf.sparse.to_dense(single, default)[:, 0]

    # In a file, as the vocabularies of TF Transform's analyzers are.
    vocabulary = folder.parent / "colours.txt"
    vocabulary.write_text("red\nblue\ngreen\nmissing\n", encoding="utf-8")

    def preprocessing_fn(raw):
        whole_line, line_number = tf.lookup.TextFileIndex.WHOLE_LINE, tf.lookup.TextFileIndex.LINE_NUMBER
        colours = tf.lookup.StaticHashTable(
            tf.lookup.TextFileInitializer(str(vocabulary), tf.string, whole_line, tf.int64, line_number), -1
        )
        age = one(raw["age"], float("nan"))
        return {
            "age": tf.where(tf.math.is_nan(age), 40.0, age),
            "age_missing": tf.cast(tf.math.is_nan(age), tf.float32),
            "class": colours.lookup(one(raw["class"], "missing")),
            "tags used": tf.RaggedTensor.from_sparse(raw["tags used"]).to_tensor(0, shape=[None, 3]),
            "bought": tf.cast(one(raw["bought"], "") == "yes", tf.int64),
            "weight": one(raw["weight"], 1.0),
        }

    types = {"age": tf.float32, "class": tf.string, "tags used": tf.int64, "bought": tf.string, "weight": tf.float32}
    features = {name: tf.io.VarLenFeature(dtype) for name, dtype in types.items()}
    specs = {name: tf.SparseTensorSpec([None, None], dtype) for name, dtype in types.items()}
    impl_helper.analyze_in_place(preprocessing_fn, False, features, specs, str(folder))
    metadata = dataset_metadata.DatasetMetadata(schema_utils.schema_from_feature_spec(features))
    metadata_io.write_metadata(metadata, str(folder / "metadata"))
    (folder / "inputs.json").write_text(inputs_to_json(INPUTS), encoding="utf-8")
    vocabulary.unlink()
