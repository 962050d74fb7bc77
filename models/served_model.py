"""A served model in use: a SavedModel with the signature `predict`, loaded with TensorFlow alone."""

import functools
import pathlib
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from models.errors import UserError


class ServedModel:
    """A SavedModel as a function from columns to predictions.

    Attributes:
        path: the folder of the SavedModel.
        inputs: what the signature `predict` takes: the name and type of each feature.
    """

    def __init__(self, path: str) -> None:
        """Loads the SavedModel in a folder.

        Raises:
            UserError: the folder holds no SavedModel, or one without the signature `predict`.
        """
        if not (pathlib.Path(path) / "saved_model.pb").is_file():
            raise UserError(f"{path} holds no saved_model.pb. A model that Skewless pushed was expected there.")
        self.path = path
        # The signature's variables live only as long as the object that was loaded.
        self._loaded = tf.saved_model.load(path)
        if "predict" not in self._loaded.signatures:
            found = ", ".join(sorted(self._loaded.signatures)) or "none"
            raise UserError(
                f"The model in {path} has no signature 'predict' (found: {found}). "
                "A model that Skewless pushed was expected there."
            )
        self._predict = self._loaded.signatures["predict"]
        self.inputs = _inputs(path)

    def __call__(self, columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Returns the outputs of `predict` for some rows.

        Args:
            columns: the features as `models.examples.dense` gives them; what the model does not take is left aside.

        Returns:
            `classes` bytes[rows, C], `scores` float32[rows, C] and `predicted` bytes[rows]; or for regression
            `predictions` float32[rows].
        """
        tensors = {name: tf.constant(columns[name], spec.dtype) for name, spec in self.inputs.items()}
        return {name: value.numpy() for name, value in self._predict(**tensors).items()}

    def predictions(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Returns float32[rows, C], the scores of the classes; or for regression float32[rows]."""
        outputs = self(columns)
        return outputs["scores"] if "scores" in outputs else outputs["predictions"]

    def classes(self) -> tuple[str, ...]:
        """Returns the classes in the order of the scores; none for regression."""
        outputs = self({name: _missing(spec) for name, spec in self.inputs.items()})
        return tuple(each.decode() for each in outputs["classes"][0]) if "classes" in outputs else ()


def _inputs(path: str) -> dict[str, tf.TensorSpec]:
    """Returns what clients send to `predict`, as the signature on disk has it.

    The function in memory may have other names for it: Python cannot call an argument `class`.
    """
    model = saved_model_pb2.SavedModel.FromString((pathlib.Path(path) / "saved_model.pb").read_bytes())
    signature = model.meta_graphs[0].signature_def["predict"]
    return {
        name: tf.TensorSpec(tf.TensorShape(tensor.tensor_shape), tf.dtypes.as_dtype(tensor.dtype))
        for name, tensor in sorted(signature.inputs.items())
    }


def _missing(spec: tf.TensorSpec) -> np.ndarray:
    """Returns one row in which this feature is missing."""
    shape = [1] * spec.shape.rank
    return np.full(shape, b"", object) if spec.dtype == tf.string else np.full(shape, np.nan)


@functools.lru_cache(maxsize=8)
def load(path: str) -> ServedModel:
    """Returns the model in a folder, which each process loads once."""
    return ServedModel(path)
