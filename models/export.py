"""The served model: one SavedModel that needs TensorFlow alone, with the transform graph and the network inside.

Signatures (see `signatures` of the saved model):
    serving_default: `examples` string[batch], serialised tf.Example.
    predict: a tensor [batch] a feature; numbers float64 with NaN for missing, text string with "" for missing. A
        repeated feature is [batch, None], padded with the same.
    transform_features: takes what `predict` takes, gives the transformed features.

Classification gives `classes` string[batch, C], `scores` float32[batch, C] and `predicted` string[batch]; regression
gives `predictions` float32[batch].
"""

import keras
import tensorflow as tf

from models import signatures
from models.packing import pack
from models.spec import Feature, Spec
from models.transformed import Raw, TransformGraph

_VALUE_TYPES = {"int": tf.int64, "float": tf.float32, "text": tf.string}


def save(path: str, spec: Spec, graph: TransformGraph, predictor: keras.Model) -> None:
    """Writes the served model.

    Args:
        path: a folder that does not exist yet or is empty.
        spec: the features that requests bring, and the classes.
        graph: raw features to what the predictor takes.
        predictor: packed features to scores, or to numbers for regression.
    """
    served = Served(spec, graph, predictor)
    tf.saved_model.save(served, path, signatures=served.signatures())
    signatures.rename_inputs(path, {argument: name for name, argument in _arguments(spec).items()})


class Served(tf.Module):
    """A trained model with all that turns a request into its answer."""

    def __init__(self, spec: Spec, graph: TransformGraph, predictor: keras.Model) -> None:
        super().__init__()
        self._spec, self._inputs = spec, graph.inputs
        # What a SavedModel should hold must be an attribute of what is saved.
        self.transform, self.predictor = graph.layer, predictor
        raw = {each.name: tf.SparseTensorSpec([None, None], _VALUE_TYPES[each.payload]) for each in spec.features}
        # Both are traced once and called by every signature.
        self._transformed = tf.function(self.transform, input_signature=[raw])
        self._answer = tf.function(self._answer_rows, input_signature=[raw])

    def signatures(self) -> dict[str, tf.types.experimental.ConcreteFunction]:
        """Returns the signatures by name."""
        features, argument = self._spec.features, _arguments(self._spec)
        dense = {argument[each.name]: _dense_spec(each, argument[each.name]) for each in features}
        parsing = {each.name: tf.io.VarLenFeature(_VALUE_TYPES[each.payload]) for each in features}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def serving_default(examples: tf.Tensor) -> dict[str, tf.Tensor]:
            return self._answer(tf.io.parse_example(examples, parsing))

        @tf.function
        def predict(**raw: tf.Tensor) -> dict[str, tf.Tensor]:
            return self._answer({each.name: _sparse(each, raw[argument[each.name]]) for each in features})

        @tf.function
        def transform_features(**raw: tf.Tensor) -> dict[str, tf.Tensor]:
            return self._transformed({each.name: _sparse(each, raw[argument[each.name]]) for each in features})

        return {
            "serving_default": serving_default.get_concrete_function(),
            "predict": predict.get_concrete_function(**dense),
            "transform_features": transform_features.get_concrete_function(**dense),
        }

    def _answer_rows(self, raw: Raw) -> dict[str, tf.Tensor]:
        predictions = self.predictor(pack(self._inputs, self._transformed(raw)), training=False)
        if self._spec.label.task == "regression":
            return {"predictions": predictions}
        classes = tf.constant(self._spec.label.classes)
        return {
            "classes": tf.repeat(classes[None, :], tf.shape(predictions)[0], axis=0),
            "scores": predictions,
            "predicted": tf.gather(classes, tf.argmax(predictions, axis=1)),
        }


def _arguments(spec: Spec) -> dict[str, str]:
    return signatures.arguments([each.name for each in spec.features])


def _dense_spec(feature: Feature, argument: str) -> tf.TensorSpec:
    shape = [None, None] if feature.repeated else [None]
    return tf.TensorSpec(shape, tf.string if feature.payload == "text" else tf.float64, name=argument)


def _sparse(feature: Feature, values: tf.Tensor) -> tf.SparseTensor:
    """Returns a feature of a request as the transform graph takes it: without the missing values."""
    present = values != "" if feature.payload == "text" else tf.logical_not(tf.math.is_nan(values))
    indexes = tf.where(present)  # int64[present, 1 or 2]
    found = tf.gather_nd(values, indexes)
    rows = tf.shape(values, tf.int64)[0]
    if not feature.repeated:
        indexes, shape = tf.pad(indexes, [[0, 0], [0, 1]]), tf.stack([rows, 1])
    else:
        shape = tf.shape(values, tf.int64)
    return tf.SparseTensor(indexes, tf.cast(found, _VALUE_TYPES[feature.payload]), shape)
