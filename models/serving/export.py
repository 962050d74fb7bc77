"""The served model: one SavedModel that needs TensorFlow alone, with the transform graph and the network inside.

Signatures (see `signatures` of the saved model):
    serving_default: `examples` string[batch], serialised tf.Example.
    predict: a tensor [batch] a feature; numbers float64 with NaN for missing, text string with "" for missing. A
        repeated feature is [batch, None], padded with the same.
    transform_features: takes what `predict` takes, gives the transformed features.

Classification gives `classes` string[batch, C], `scores` float32[batch, C] and `predicted` string[batch]; regression
gives `predictions` float32[batch].
"""

from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from core.spec import Feature, Payload, Spec
from models.preprocessing.packing import pack
from models.preprocessing.transform_graph import Raw, TransformGraph, split
from models.serving import signatures

_VALUE_TYPES: Mapping[Payload, tf.DType] = {"int": tf.int64, "float": tf.float32, "text": tf.string}


def save(path: str, spec: Spec, graph: TransformGraph, predictor: keras.Model) -> None:
    """Writes the served model.

    Args:
        path: a folder that does not exist yet or is empty.
        spec: the features that requests bring, and the classes.
        graph: raw features to what the predictor takes.
        predictor: packed features to scores, or to numbers for regression.
    """
    arguments = signatures.arguments([each.name for each in spec.features])
    served = tf.Module()
    # What the signatures use and a SavedModel should hold must hang on what is saved.
    served.variables_ = [each.value for each in predictor.variables]
    served.resources_ = graph.resources
    tf.saved_model.save(served, path, signatures=_signatures(spec, graph, predictor, arguments))
    signatures.rename_inputs(path, {argument: name for name, argument in arguments.items()})


def _signatures(
    spec: Spec, graph: TransformGraph, predictor: keras.Model, arguments: Mapping[str, str]
) -> dict[str, tf.types.experimental.ConcreteFunction]:
    """Returns the signatures by name.

    Each step is traced once and called by every signature: it is the tracing that a wide table makes slow.
    """
    raw = {each.name: tf.SparseTensorSpec([None, None], _VALUE_TYPES[each.payload]) for each in spec.features}
    dense = {arguments[each.name]: _dense_spec(each, arguments[each.name]) for each in spec.features}
    parsing = {name: tf.io.VarLenFeature(each.dtype) for name, each in raw.items()}
    transform = tf.function(graph.features, autograph=False).get_concrete_function(raw)

    def answer(rows: Raw) -> dict[str, tf.Tensor]:
        return _named(predictor(pack(graph.inputs, transform(rows)), training=False), spec)

    answer_rows = tf.function(answer, autograph=False).get_concrete_function(raw)

    def serving_default(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return answer_rows(tf.io.parse_example(examples, parsing))

    def predict(**columns: tf.Tensor) -> dict[str, tf.Tensor]:
        return answer_rows(_sparse(spec.features, arguments, columns))

    def transform_features(**columns: tf.Tensor) -> dict[str, tf.Tensor]:
        return transform(_sparse(spec.features, arguments, columns))

    examples = tf.TensorSpec([None], tf.string, name="examples")
    return {
        "serving_default": tf.function(serving_default, autograph=False).get_concrete_function(examples),
        "predict": tf.function(predict, autograph=False).get_concrete_function(**dense),
        "transform_features": tf.function(transform_features, autograph=False).get_concrete_function(**dense),
    }


def _named(predictions: tf.Tensor, spec: Spec) -> dict[str, tf.Tensor]:
    if spec.label.task == "regression":
        return {"predictions": predictions}
    classes = tf.constant(spec.label.classes)
    return {
        "classes": tf.repeat(classes[None, :], tf.shape(predictions)[0], axis=0),
        "scores": predictions,
        "predicted": tf.gather(classes, tf.argmax(predictions, axis=1)),
    }


def _dense_spec(feature: Feature, argument: str) -> tf.TensorSpec:
    shape = [None, None] if feature.repeated else [None]
    return tf.TensorSpec(shape, tf.string if feature.payload == "text" else tf.float64, name=argument)


def _sparse(
    features: Sequence[Feature], arguments: Mapping[str, str], columns: Mapping[str, tf.Tensor]
) -> dict[str, tf.SparseTensor]:
    """Returns the columns of a request as the transform graph takes them: without the missing values."""
    raw: dict[str, tf.SparseTensor] = {}
    alike: dict[Payload, list[str]] = {}
    for each in features:
        if each.repeated:
            raw[each.name] = _present(columns[arguments[each.name]], each.payload)
        else:
            alike.setdefault(each.payload, []).append(each.name)
    for payload, names in alike.items():
        raw |= split(_present(tf.stack([columns[arguments[name]] for name in names], axis=1), payload), names)
    return raw


def _present(values: tf.Tensor, payload: Payload) -> tf.SparseTensor:
    """Returns a matrix without its missing values."""
    indexes = tf.where(values != "" if payload == "text" else tf.logical_not(tf.math.is_nan(values)))
    found = tf.cast(tf.gather_nd(values, indexes), _VALUE_TYPES[payload])
    return tf.SparseTensor(indexes, found, tf.shape(values, tf.int64))
