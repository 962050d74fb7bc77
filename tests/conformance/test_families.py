"""Tests what every model family must do."""

import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from core.config.sections import Train
from core.errors import UserError
from core.spec import Input, Label, Spec
from models import families
from models.families.family import Choice
from models.heads import Head
from models.preprocessing.packing import pack
from models.preprocessing.rows import TransformedRows
from models.trained import Predict

NUMERIC = (
    Input("age", "numeric", mean=40.0, std=10.0, boundaries=(20.0, 40.0, 60.0)),
    Input("flag", "numeric", mean=0.5, std=0.5),
)
CATEGORICAL = (Input("colour", "categorical", size=3), Input("shape", "categorical", size=2))
TOKENS = (Input("remark", "tokens", size=6),)
KINDS = {
    "numeric": NUMERIC,
    "categorical": CATEGORICAL,
    "tokens": TOKENS,
    "all": (*NUMERIC, *CATEGORICAL, *TOKENS),
}
FEATURES = {
    "age": np.array([10.0, 30.0, 50.0, 1e9], np.float32),
    "flag": np.array([0.0, 1.0, 1.0, 0.0], np.float32),
    "colour": np.array([0, 1, 2, 2]),
    "shape": np.array([1, 0, 1, 0]),
    "remark": np.array([[1, 2, 0], [5, 0, 0], [0, 0, 0], [3, 3, 3]]),
}

NETWORKS = [name for name, family in families.FAMILIES.items() if family.build]
every_family = pytest.mark.parametrize("family", families.FAMILIES)
every_network = pytest.mark.parametrize("family", NETWORKS)


def build(family: str, inputs: tuple[Input, ...], outputs: int = 1, **hyperparameters) -> keras.Model:
    keras.utils.set_random_seed(0)
    chosen = families.FAMILIES[family]
    return chosen.build(inputs, outputs, chosen.defaults(hyperparameters))


def packed(inputs: tuple[Input, ...]) -> dict[str, tf.Tensor]:
    return pack(
        inputs, [([model_input.name], tf.constant(FEATURES[model_input.name])[:, None]) for model_input in inputs]
    )


@every_network
@pytest.mark.parametrize("kinds", KINDS)
@pytest.mark.parametrize("outputs", [1, 3])
def test_gives_finite_outputs_for_each_row(family, kinds, outputs):
    result = build(family, KINDS[kinds], outputs)(packed(KINDS[kinds]))
    assert (result.shape[0], result.shape[-1]) == (4, outputs)
    assert result.dtype == tf.float32
    assert np.isfinite(result).all()


@every_network
def test_a_row_does_not_depend_on_the_batch_it_comes_in(family):
    inputs = KINDS["all"]
    model = build(family, inputs)
    whole = model(packed(inputs), training=False)
    alone = model({kind: values[1:2] for kind, values in packed(inputs).items()}, training=False)
    np.testing.assert_allclose(whole[1:2], alone, rtol=1e-5)


@every_network
@pytest.mark.parametrize("name", [model_input.name for model_input in KINDS["all"]])
def test_every_input_counts(family, name):
    inputs = KINDS["all"]
    model = build(family, inputs)
    changed = {**FEATURES, name: np.roll(FEATURES[name], 1, axis=0)}
    other = pack(
        inputs, [([model_input.name], tf.constant(changed[model_input.name])[:, None]) for model_input in inputs]
    )
    assert not np.allclose(model(packed(inputs)), model(other), rtol=1e-4)


@every_network
def test_learns_four_rows(family):
    inputs = KINDS["all"]
    model = build(family, inputs)
    loss = Head("binary", 1).loss_of(model)
    model.compile(keras.optimizers.Adam(0.03), loss, jit_compile=False)
    labels = np.array([[0.0], [1.0], [1.0], [0.0]])
    model.optimizer.build(model.trainable_variables)
    losses = [model.train_on_batch(packed(inputs), labels) for _ in range(30)]
    assert losses[-1] < losses[0] / 2


@every_network
def test_the_seed_decides_the_weights(family):
    first, again = build(family, KINDS["all"]), build(family, KINDS["all"])
    for left, right in zip(first.weights, again.weights, strict=True):
        np.testing.assert_array_equal(left, right)


@every_network
def test_saves_and_loads_equal(family, tmp_path):
    inputs = KINDS["all"]
    model = build(family, inputs)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(model(packed(inputs)), loaded(packed(inputs)))


@every_network
@pytest.mark.parametrize("end", ["low", "high"])
def test_builds_at_the_ends_of_its_space(family, end):
    values = {
        name: hyperparameter.values[0 if end == "low" else -1]
        if isinstance(hyperparameter, Choice)
        else getattr(hyperparameter, end)
        for name, hyperparameter in families.FAMILIES[family].space.items()
    }
    assert np.isfinite(build(family, KINDS["all"], **values)(packed(KINDS["all"]))).all()


@every_network
def test_two_thousand_columns_build_in_seconds(family):
    numeric = tuple(Input(f"n{i}", "numeric", boundaries=tuple(range(47))) for i in range(1_000))
    categorical = tuple(Input(f"c{i}", "categorical", size=50) for i in range(1_000))
    start = time.monotonic()
    model = build(family, (*numeric, *categorical))
    batch = {"numeric": tf.zeros([8, 1_000]), "categorical": tf.zeros([8, 1_000], tf.int32)}
    assert tf.function(model)(batch).shape[-1] == 1
    assert len(model.weights) < 20
    assert time.monotonic() - start < 20


@every_family
def test_a_fit_gives_a_model_that_predicts_better_than_chance(family):
    generator = np.random.default_rng(0)
    age, colour = generator.uniform(20, 60, 256).astype(np.float32), generator.integers(0, 3, 256)
    labels = np.digitize((age - 40) / 10 + colour, [0, 2])
    remarks = (colour[:, None] + [1, 2]).astype(np.int32)[:, None, :]
    numeric = np.stack([age, np.zeros(256, np.float32)], axis=1)  # a column with one value
    features = {"numeric": numeric, "categorical": np.stack([colour, colour % 2], axis=1).astype(np.int32)}
    rows = TransformedRows({**features, "tokens": remarks}, labels)
    spec = Spec(Label("y", "multiclass", "int", ("0", "1", "2")), (), family=family)
    options = Train(epochs=5, learning_rate=0.05 if family == "linear" else None)
    chosen = families.FAMILIES[family]
    found = chosen.fit(spec, KINDS["all"], chosen.defaults(), rows, rows, options, report=lambda *_: None)
    assert found.metrics["accuracy"] > 0.6
    assert Predict(found.predictor)(rows.features).shape == (256, 3)


def test_an_unknown_family_is_an_error():
    with pytest.raises(UserError, match="Did you mean 'mlp'"):
        families.check("mlpp", {})
