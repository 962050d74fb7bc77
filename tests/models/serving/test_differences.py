"""Sabotage of one feature in an exported model: the comparison with the trainer finds it and names the feature."""

import dataclasses
import random
import types

import keras
import pyarrow as pa
import pytest
import tensorflow as tf

from core import examples
from core.config.sections import Train
from core.spec import Feature, Label, Spec
from models import families
from models.preprocessing import raw_columns
from models.preprocessing.transform_graph import TransformGraph
from models.serving import differences, export, made_rows
from models.serving.served_model import ServedModel
from models.trained import Predict, Trained
from models.training import dataset, ensemble
from models.training.ensemble import Member
from tests.components import trained_models

pytestmark = pytest.mark.slow
LIMIT = 1e-4
SPEC = Spec(
    Label("late", "binary", "int", ("0", "1")),
    (
        Feature("age", "numeric", "float"),
        Feature("count", "numeric", "int"),
        Feature("town", "categorical", "text"),
        Feature("at", "timestamp", "int", written="ISO 8601"),
        Feature("flag", "categorical", "int", written="true or false"),
    ),
    family="linear",
)
COLUMNS = {"age": "float", "count": "int", "town": "text", "at": "int", "flag": "int", "late": "int"}
HOUR = 3_600_000_000


def _rows() -> dict[str, list]:
    chance = random.Random(5)
    columns: dict[str, list] = {name: [] for name in COLUMNS}
    for _ in range(400):
        age, count = chance.uniform(20, 80), chance.randrange(2_000, 4_000)
        town, hour, flag = chance.choice(["Bonn", "Kiel", "Ulm"]), chance.randrange(24 * 300), chance.randrange(2)
        late = age / 30 + count / 1_000 + (town == "Bonn") + (hour % 24 > 11) + flag > 6.5
        row = (age, count, town.encode(), (54 * 365 * 24 + hour) * HOUR, flag, int(late))
        for name, value in zip(COLUMNS, row, strict=True):
            columns[name].append(None if name in ("age", "town") and chance.random() < 0.1 else [value])
    return columns


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The graph and the predictor of a model, and its predictions of rows of eval and of rows that are made of them."""
    rows = _rows()
    splits = {"train": rows, "eval": {name: values[:60] for name, values in rows.items()}}
    folder = trained_models.train(tmp_path_factory.mktemp("trained"), COLUMNS, splits, SPEC, epochs=1)
    graph = TransformGraph(str(folder / "graph"), SPEC)
    train = dataset.load(str(folder / "examples" / "Split-train"), graph)
    defaults = families.FAMILIES["linear"].defaults()
    found = families.FAMILIES["linear"].fit(SPEC, graph.inputs, defaults, train, train, Train(epochs=5))
    raw = examples.read(examples.row_groups(str(folder / "examples" / "Split-eval"))[0])
    predict = Predict(found.predictor)
    made = made_rows.add(raw, SPEC.features, made_rows.bases(predict(graph(raw))))
    predictions = pa.array(list(predict(graph(made))), pa.list_(pa.float32()))
    return graph, found.predictor, made.append_column(examples.PREDICTION, predictions)


def _measured(trained, folder, change=None, predictor=None) -> differences.Differences:
    """Returns the differences of an exported model in whose graph the raw columns are changed."""
    graph, own, table = trained
    packed = graph.packed if change is None else lambda raw: graph.packed(change(raw))
    sabotaged = types.SimpleNamespace(packed=packed, inputs=graph.inputs, resources=graph.resources)
    export.save(str(folder), SPEC, sabotaged, predictor or own)
    return differences.measure(ServedModel(str(folder)), table, SPEC, LIMIT)


def _values(name, function):
    """Returns a change of the values of a column; missing ones stay."""
    (payload,) = (feature.payload for feature in SPEC.features if feature.name == name)
    place = [feature.name for feature in raw_columns.together(SPEC.features)[payload]].index(name)

    def change(raw):
        columns = tf.unstack(raw.matrices[payload], axis=1)
        missing = raw_columns.MISSING[payload]
        gaps = tf.math.is_nan(columns[place]) if payload == "float" else columns[place] == missing
        columns[place] = tf.where(gaps, tf.constant(missing, columns[place].dtype), function(columns[place]))
        return raw._replace(matrices={**raw.matrices, payload: tf.stack(columns, axis=1)})

    return change


def _town_by_default(raw):
    towns = raw.matrices["text"]
    return raw._replace(matrices={**raw.matrices, "text": tf.where(towns == "", "Bonn", towns)})


def test_faithful_model_has_no_culprit(trained, tmp_path):
    found = _measured(trained, tmp_path)
    assert found.relative < 1e-6
    assert found.culprit == ""


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("age", _values("age", lambda ages: ages * 1.01)),
        ("count", _values("count", lambda counts: tf.cast(tf.cast(counts, tf.bfloat16), tf.int64))),
        ("town", _values("town", lambda towns: tf.where(towns == "Ulm", "Kiel", towns))),
        ("town", _town_by_default),
        ("at", _values("at", lambda moments: moments + HOUR)),
    ],
    ids=["scale", "dtype", "vocabulary", "default", "time zone"],
)
def test_one_feature_is_caught_and_named(trained, tmp_path, name, change):
    found = _measured(trained, tmp_path, change)
    assert found.relative > LIMIT
    assert found.culprit.startswith(f"Feature '{name}' makes a difference from the trainer: "), found.culprit


def test_calibration_is_no_feature(trained, tmp_path):
    _, own, _ = trained
    inputs = own.input
    scores = own(inputs)
    other = keras.Model(inputs, scores * 0.5 + 0.25)
    found = _measured(trained, tmp_path, predictor=other)
    assert found.relative > LIMIT
    assert found.culprit.startswith("No feature makes the difference from the trainer: ")


def test_one_member_of_an_ensemble_is_caught(trained, tmp_path):
    """The exported ensemble has another model in place of the second of its members."""
    graph, own, table = trained
    other, third = (_scaled(own, factor) for factor in (0.5, 0.75))
    members = [Member("linear", 0.5, {}, Trained(predictor, {}, {})) for predictor in (own, other)]
    raw = table.drop_columns([examples.PREDICTION])
    expected = Predict(ensemble.combine(members, graph.inputs))(graph(raw))
    predictions = pa.array(list(expected), pa.list_(pa.float32()))
    whole = raw.append_column(examples.PREDICTION, predictions)
    changed = [members[0], dataclasses.replace(members[1], trained=Trained(third, {}, {}))]
    served = ensemble.combine(changed, graph.inputs)
    found = _measured((graph, own, whole), tmp_path, predictor=served)
    assert found.relative > LIMIT
    assert found.culprit.endswith(
        "A member of the ensemble, its weight or the calibration is not that of the training."
    )


def _scaled(predictor: keras.Model, factor: float) -> keras.Model:
    """Returns a model whose scores are nearer to one half."""
    return keras.Model(predictor.input, predictor(predictor.input) * factor + (1 - factor) / 2)
