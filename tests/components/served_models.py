"""Tiny served models for tests: the signatures of the product around a formula that a test can follow."""

import pathlib
from collections.abc import Callable, Mapping

import tensorflow as tf

from models.serving import signatures

Formula = Callable[[Mapping[str, tf.Tensor]], tf.Tensor]


class _Classifier(tf.Module):
    def __init__(self, formula: Formula, features: Mapping[str, tf.DType], classes: tuple[str, ...]) -> None:
        super().__init__()
        self._formula, self._features, self._classes = formula, features, classes

    def answer(self, columns: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        value = tf.cast(self._formula(columns), tf.float32)
        if not self._classes:
            return {"predictions": value}
        scores = tf.stack([1 - value, value], axis=1) if value.shape.rank == 1 else value
        classes = tf.constant(self._classes)
        return {
            "classes": tf.repeat(classes[None, :], tf.shape(scores)[0], axis=0),
            "scores": scores,
            "predicted": tf.gather(classes, tf.argmax(scores, axis=1)),
        }


def save(
    folder: pathlib.Path, formula: Formula, features: Mapping[str, tf.DType], classes: tuple[str, ...] = ()
) -> str:
    """Writes a served model whose probability of the second class (or whose number) is a formula of the features."""
    module = _Classifier(formula, features, classes)
    specs = {name: tf.TensorSpec([None], dtype, name=name) for name, dtype in features.items()}
    parsing = {
        name: tf.io.FixedLenFeature([], tf.string if dtype == tf.string else tf.float32, _default(dtype))
        for name, dtype in features.items()
    }

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serving_default(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        parsed = tf.io.parse_example(examples, parsing)
        return module.answer({name: tf.cast(parsed[name], dtype) for name, dtype in features.items()})

    @tf.function
    def predict(**columns: tf.Tensor) -> dict[str, tf.Tensor]:
        return module.answer(columns)

    @tf.function
    def transform_features(**columns: tf.Tensor) -> dict[str, tf.Tensor]:
        return {name: tf.identity(column) for name, column in columns.items()}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])
    def classify(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        answer = serving_default(inputs)
        return {"classes": answer["classes"], "scores": answer["scores"]}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])
    def regress(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        answer = serving_default(inputs)
        return {"outputs": answer["scores"][:, 1] if classes else answer["predictions"]}

    functions = {
        "serving_default": serving_default.get_concrete_function(),
        "predict": predict.get_concrete_function(**specs),
        "transform_features": transform_features.get_concrete_function(**specs),
        "regress": regress.get_concrete_function(),
    }
    if classes:
        functions["classify"] = classify.get_concrete_function()
    tf.saved_model.save(module, str(folder), signatures=functions)
    signatures.complete(str(folder), {name: name for name in features})
    return str(folder)


def _default(dtype: tf.DType) -> object:
    return b"" if dtype == tf.string else float("nan")
