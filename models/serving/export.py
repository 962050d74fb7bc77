"""Writes the served model: one SavedModel of the transform graph and the network, which needs TensorFlow alone.

Signatures (see `signatures` of the saved model):
    serving_default: `examples` string[batch], serialised tf.Example.
    predict: a tensor [batch] a feature; numbers float64 with NaN for missing, text string with "" for missing, and so
        moments and truth values that are text in the data. A repeated feature is [batch, None], padded with the same.
    transform_features: takes what `predict` takes, gives the transformed features.
    classify: of classes. TensorFlow Serving's Classification API: `inputs` string[batch], serialised tf.Example, to
        `classes` and `scores`.
    regress: of regression and of two classes. Its Regression API: the same `inputs` to `outputs` float32[batch], which
        is the prediction or the score of the second class.

Classification gives `classes` string[batch, C], `scores` float32[batch, C] and `predicted` string[batch]. Regression
gives `predictions` float32[batch]; and where float32 would round them too much, `predictions_float64` float64[batch].
"""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from core.spec import Feature, Spec
from models.preprocessing import raw_columns
from models.preprocessing.packing import unpack
from models.preprocessing.raw_columns import RawColumns
from models.preprocessing.transform_graph import TransformGraph
from models.serving import signatures
from models.serving.requests import tf_examples
from models.serving.requests.columns import Reader, bounds, is_text


def save(path: str, spec: Spec, graph: TransformGraph, predictor: keras.Model) -> None:
    """Writes the served model.

    Args:
        path: a folder that does not exist yet or is empty.
        spec: the features that requests bring, and the classes.
        graph: raw features to what the predictor takes.
        predictor: packed features to scores, or to numbers for regression.
    """
    arguments = signatures.arguments([feature.name for feature in spec.features])
    served = tf.Module()
    # A SavedModel holds only what is an attribute of the module.
    served.variables_ = [variable.value for variable in predictor.variables]
    served.resources_ = graph.resources
    tf.saved_model.save(served, path, signatures=_signatures(spec, graph, predictor, arguments))
    signatures.complete(path, {argument: name for name, argument in arguments.items()})


def _signatures(
    spec: Spec, graph: TransformGraph, predictor: keras.Model, arguments: Mapping[str, str]
) -> dict[str, tf.types.experimental.ConcreteFunction]:
    """Returns the signatures by name.

    Each step is traced once and called by every signature: for a wide table, tracing takes most of the time.
    """
    dense = {arguments[feature.name]: _dense_spec(feature, arguments[feature.name]) for feature in spec.features}

    def answer(*raw: Any) -> dict[str, tf.Tensor]:
        return _named(predictor(graph.packed(RawColumns(*raw)), training=False), spec)

    answer_rows = tf.function(answer, autograph=False).get_concrete_function(*raw_columns.specs(spec.features))

    reader = Reader(spec.features, bounds(spec.features, graph.inputs))

    def read(columns: Mapping[str, tf.Tensor]) -> RawColumns:
        return reader.columns({name: columns[argument] for name, argument in arguments.items()})

    def serving_default(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return answer_rows(*tf_examples.read(examples, reader))

    def predict(**columns: tf.Tensor) -> dict[str, tf.Tensor]:
        return answer_rows(*read(columns))

    def transform_features(**columns: tf.Tensor) -> dict[str, tf.Tensor]:
        return unpack(graph.inputs, graph.packed(read(columns)))

    examples, inputs = (tf.TensorSpec([None], tf.string, name=name) for name in ("examples", "inputs"))
    answer_examples = tf.function(serving_default, autograph=False).get_concrete_function(examples)

    def classify(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        answers = answer_examples(inputs)
        return {name: answers[name] for name in ("classes", "scores")}

    def regress(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        answers = answer_examples(inputs)
        return {"outputs": answers["scores"][:, 1] if spec.label.classes else answers["predictions"]}

    functions = {
        "predict": tf.function(predict, autograph=False).get_concrete_function(**dense),
        "transform_features": tf.function(transform_features, autograph=False).get_concrete_function(**dense),
        "serving_default": answer_examples,
    }
    for function in (classify, regress):
        if function.__name__ in signatures.names_for(spec.label.task):
            functions[function.__name__] = tf.function(function, autograph=False).get_concrete_function(inputs)
    return functions


def _named(predictions: tf.Tensor, spec: Spec) -> dict[str, tf.Tensor]:
    if spec.label.task == "regression":
        exact = {"predictions_float64": predictions} if predictions.dtype == tf.float64 else {}
        return {"predictions": tf.cast(predictions, tf.float32), **exact}
    classes = tf.constant(spec.label.classes)
    return {
        "classes": tf.broadcast_to(classes, tf.shape(predictions)),
        "scores": predictions,
        "predicted": tf.gather(classes, tf.argmax(predictions, axis=1)),
    }


def _dense_spec(feature: Feature, argument: str) -> tf.TensorSpec:
    shape = [None, None] if feature.repeated else [None]
    return tf.TensorSpec(shape, tf.string if is_text(feature) else tf.float64, name=argument)
