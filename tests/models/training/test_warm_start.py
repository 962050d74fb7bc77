"""A network begins from the weights of an earlier version: what it predicts then, and where it must not."""

import dataclasses
import os

import numpy as np
import pytest
import tensorflow as tf

from core.config.sections import Train
from core.spec import Input, Label, Spec
from models import families
from models.preprocessing.rows import TransformedRows
from models.trained import Predict, Trained
from models.training import warm_start

LABEL = Label("y", "regression", "float")
SPEC = Spec(LABEL, ())
NUMBER = Input("x", "numeric", mean=0.5, std=0.3, boundaries=(0.25, 0.5, 0.75), offset=10.0)
CATEGORY = Input("c", "categorical", 4, values=("a", "b"))
TOKENS = Input("t", "tokens", 4, values=("u", "v"))
EARLIER = (NUMBER, CATEGORY, TOKENS)
# Another offset, a new category, and the known ones in another order.
LATER = (
    dataclasses.replace(NUMBER, mean=1.0, std=0.4, boundaries=(0.1, 0.9), offset=9.5),
    dataclasses.replace(CATEGORY, size=5, values=("b", "new", "a")),
    dataclasses.replace(TOKENS, values=("v", "u")),
)
MLP = families.FAMILIES["mlp"]
HYPERPARAMETERS = MLP.defaults({"layers": 1, "units": 128, "dropout": 0.2})
X = np.linspace(0, 1, 5, dtype=np.float32)


def rows(x: np.ndarray, c: list[int], t: list[list[int]]) -> TransformedRows:
    """Returns five rows."""
    features = {"numeric": x[:, None], "categorical": np.array(c, np.int32)[:, None], "tokens": np.array(t, np.int32)}
    return TransformedRows({**features, "tokens": features["tokens"][:, None]}, np.array([1.0, 2, 3, 4, 60]))


# Of the earlier indexes a, b, unknown, missing; of the tokens padding, u, v, unknown.
BEFORE = rows(X, [0, 1, 2, 3, 0], [[1, 2], [2, 0], [3, 0], [0, 0], [1, 1]])
# The same rows: x is larger by half, a is 2, b is 0, the new category is 1, missing is 4.
AFTER = rows(X + 0.5, [2, 0, 1, 4, 2], [[2, 1], [1, 0], [3, 0], [0, 0], [2, 2]])


def fit(inputs, train, epochs: int, **more) -> Trained:
    options = Train(epochs=epochs, batch_size=5, steps_per_execution=1)
    return MLP.fit(SPEC, inputs, HYPERPARAMETERS, train, train, options, **more)


@pytest.fixture(scope="module")
def earlier(tmp_path_factory) -> tuple[str, np.ndarray]:
    """Returns the folder of an earlier version, and its predictions."""
    trained = fit(EARLIER, BEFORE, 2)
    served = tf.Module()
    served.variables_ = [variable.value for variable in trained.predictor.variables]
    folder = str(tmp_path_factory.mktemp("serving") / "3")
    tf.saved_model.save(served, folder)
    warm_start.save(folder, "mlp", HYPERPARAMETERS, LABEL, EARLIER, trained.predictor)
    return folder, Predict(trained.predictor)(BEFORE.features)


def test_the_network_first_predicts_what_the_earlier_one_did(earlier):
    """A learning rate of 0 leaves the weights; the labels differ, whose moments are those of the earlier training."""
    folder, predicted = earlier
    found, reason = warm_start.of(folder, MLP, HYPERPARAMETERS, SPEC, LATER)
    assert reason == ""
    train = dataclasses.replace(AFTER, labels=AFTER.labels * 7)
    options = Train(epochs=1, batch_size=5)
    still = {**HYPERPARAMETERS, "learning_rate": 0.0}
    begun = MLP.fit(SPEC, LATER, still, train, train, options, warm_start=found)
    np.testing.assert_allclose(Predict(begun.predictor)(AFTER.features), predicted, rtol=1e-6)


def test_the_same_earlier_version_gives_the_same_model(earlier):
    found, _ = warm_start.of(earlier[0], MLP, HYPERPARAMETERS, SPEC, LATER)
    first, second = (Predict(fit(LATER, AFTER, 2, warm_start=found).predictor)(AFTER.features) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, Predict(fit(LATER, AFTER, 2).predictor)(AFTER.features))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"hyperparameters": {**HYPERPARAMETERS, "units": 256}}, "its units is 128, and not 256"),
        ({"hyperparameters": {**HYPERPARAMETERS, "dropout": 0.0}}, ""),
        ({"family": families.FAMILIES["linear"]}, "it is of the family mlp, and not linear"),
        ({"family": families.FAMILIES["trees"]}, "trees cannot go on with another model"),
        (
            {"spec": Spec(LABEL, (), preprocessing_fn="mine.preprocess")},
            "what a preprocessing_fn of your own gives may mean something else for other data",
        ),
        ({"family": None}, "an ensemble cannot go on with another model"),
        ({"spec": Spec(Label("y", "binary", "int", ("0", "1")), ())}, "it predicts other classes"),
        ({"inputs": LATER[:2]}, "it has other inputs (t)"),
        ({"inputs": (LATER[1], LATER[0], LATER[2])}, "its inputs have another order"),
        (
            {"family": dataclasses.replace(MLP, embedded=False)},
            "the categories of c have changed, and mlp does not only embed them",
        ),
        (
            {"inputs": (LATER[0], dataclasses.replace(CATEGORY, size=9, values=()), LATER[2])},
            "c has another number of categories",
        ),
    ],
)
def test_weights_that_mean_something_else_are_not_taken(earlier, changed, reason):
    given = {"family": MLP, "hyperparameters": HYPERPARAMETERS, "spec": SPEC, "inputs": LATER, **changed}
    found, why = warm_start.of(earlier[0], **given)
    assert why == reason
    assert (found is None) == bool(reason)


def test_a_version_of_several_models_has_no_network(tmp_path):
    assert warm_start.of(str(tmp_path), MLP, HYPERPARAMETERS, SPEC, LATER) == (None, "it is not a single network")
    assert os.listdir(tmp_path) == []


def test_rows_of_embeddings_follow_the_values_and_the_hash_buckets():
    """Before: a, b, two buckets, missing; then b, new, a, three buckets, missing. A new value had an unknown index."""
    before = Input("c", "categorical", 5, values=("a", "b"))
    later = Input("c", "categorical", 7, values=("b", "new", "a"))
    assert warm_start._rows(later, before).tolist() == [1, 2, 0, 2, 3, 2, 4]
    before, later = (dataclasses.replace(old, kind="tokens") for old in (before, later))
    assert warm_start._rows(later, before).tolist() == [0, 2, 3, 1, 3, 4, 3]
