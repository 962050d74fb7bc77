"""Loads a served model with TensorFlow alone, and calls its signatures."""

import contextlib
import functools
import pathlib
import re
import tempfile
from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from core.errors import UserError
from core.spec import WHOLE_NUMBERS, Feature
from models.serving import signatures


class ServedModel:
    """A SavedModel as a function from columns to answers.

    Attributes:
        path: the folder of the SavedModel.
        signatures: the names of its signatures.
        inputs: what `predict` takes, by feature.
    """

    def __init__(self, path: str) -> None:
        """Loads the SavedModel in a folder.

        Raises:
            UserError: the folder holds no SavedModel, a damaged one, or one without the signature `predict`.
        """
        if not (pathlib.Path(path) / "saved_model.pb").is_file():
            raise UserError(f"{path} holds no saved_model.pb. A model that Skewless pushed was expected there.")
        self.path = path
        # Signatures work only as long as the object that was loaded is there.
        try:
            with _loadable(path) as loadable:
                self._loaded = tf.saved_model.load(loadable)
        except (tf.errors.OpError, OSError, ValueError, IndexError) as error:
            raise UserError(
                f"The model in {path} cannot be loaded: {error}. Its files are damaged, or it is no SavedModel of "
                "this TensorFlow. Run the pipeline again, which pushes the model anew, or name another version."
            ) from error
        self._inputs = _inputs(path)
        self._keywords = {signature: self._keywords_of(signature) for signature in self._inputs}
        self.signatures = tuple(sorted(self._inputs))
        if "predict" not in self.signatures:
            raise UserError(
                f"The model in {path} has no signature 'predict' (found: {', '.join(self.signatures) or 'none'}). "
                "A model that Skewless pushed was expected there."
            )
        self.inputs = self.signature_inputs("predict")

    def _keywords_of(self, signature: str) -> dict[str, str]:
        """Returns the argument in Python of each input: its own name, unless another input is like it."""
        _, arguments = self._loaded.signatures[signature].structured_input_signature
        by_input = {spec.name: argument for argument, spec in arguments.items()}
        accepted = signatures.keywords(self._inputs[signature])
        return {name: name if name in accepted else by_input[name] for name in self._inputs[signature]}

    def signature_inputs(self, signature: str) -> Mapping[str, tf.TensorSpec]:
        """Returns what clients send to a signature."""
        return self._inputs[signature]

    def call(self, signature: str, columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Returns what a signature gives for some rows; columns that it does not take are ignored.

        Raises:
            UserError: a value is none of its feature.
        """
        function = self._loaded.signatures[signature]
        tensors = {name: _tensor(columns[name], spec.dtype) for name, spec in self._inputs[signature].items()}
        keywords = self._keywords[signature]
        try:
            answer = function(**{keywords[name]: tensor for name, tensor in tensors.items()})
        except tf.errors.InvalidArgumentError as error:
            refused = re.search(r"Feature '.*' has the value '.*', and .* was expected\.", error.message)
            if refused is None:
                raise
            raise UserError(refused.group()) from error
        outputs = {name: value.numpy() for name, value in answer.items()}
        exact = outputs.pop("predictions_float64", None)
        return outputs if exact is None else {**outputs, "predictions": exact}

    def __call__(self, columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Returns what `predict` gives for some rows.

        Args:
            columns: the features as `core.examples.dense` gives them.

        Returns:
            `classes` bytes[rows, C], `scores` float32[rows, C] and `predicted` bytes[rows]; or for regression
            `predictions` float32[rows], or float64[rows] where the model gives them.
        """
        return self.call("predict", columns)

    def predictions(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Returns the scores of the classes, float32[rows, C]; or for regression the predictions [rows]."""
        outputs = self(columns)
        return outputs["scores"] if "scores" in outputs else outputs["predictions"]

    def classes(self) -> tuple[str, ...]:
        """Returns the classes in the order of the scores; none for regression."""
        outputs = self({name: _missing(spec) for name, spec in self.inputs.items()})
        return tuple(name.decode() for name in outputs["classes"][0]) if "classes" in outputs else ()


@contextlib.contextmanager
def _loadable(path: str) -> Iterator[str]:
    """Yields a path to a folder in which TensorFlow finds its files: it takes the path for a pattern."""
    if not any(sign in path for sign in "[\\"):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        link = pathlib.Path(folder) / "model"
        link.symlink_to(pathlib.Path(path).absolute(), target_is_directory=True)
        yield str(link)


def _inputs(path: str) -> dict[str, dict[str, tf.TensorSpec]]:
    """Returns what clients send to each signature, as the file has it.

    The functions in memory may have other names for it: Python cannot call an argument `class`.
    """
    model = saved_model_pb2.SavedModel.FromString((pathlib.Path(path) / "saved_model.pb").read_bytes())
    return {
        signature: {
            name: tf.TensorSpec(tf.TensorShape(tensor.tensor_shape), tf.dtypes.as_dtype(tensor.dtype))
            for name, tensor in sorted(definition.inputs.items())
        }
        for signature, definition in model.meta_graphs[0].signature_def.items()
        if not signature.startswith("__")
    }


def _tensor(column: np.ndarray, dtype: tf.DType) -> tf.Tensor:
    """Returns a column as a signature takes it."""
    if dtype == tf.string and column.dtype.kind == "f":
        return tf.constant(as_texts(column))
    return tf.constant(column.astype(np.float64) if column.dtype == np.longdouble else column, dtype)


def as_texts(numbers: np.ndarray) -> np.ndarray:
    """Returns whole numbers as object[batch] of their decimal digits, with b"" for NaN."""
    missing = np.isnan(numbers)
    texts = np.where(missing, 0, numbers).astype(np.int64).astype(bytes).astype(object)
    return np.where(missing, b"", texts)


def written_texts(numbers: np.ndarray, feature: Feature) -> np.ndarray:
    """Returns whole numbers as object[batch] of texts as requests may have them: moments in ISO 8601.

    Every second moment has an offset. Digits stand for a year that has not four of them.
    """
    texts = as_texts(numbers)
    if feature.kind != "timestamp" or feature.written == WHOLE_NUMBERS:
        return texts
    moments = np.where(np.isnan(numbers), 0, numbers).astype(np.int64).astype(f"datetime64[{feature.unit}]")
    zone = np.arange(len(texts)) % 2 == 1
    local = np.datetime_as_string(moments + np.where(zone, np.timedelta64(330, "m"), np.timedelta64(0, "m")))
    iso = np.char.encode(np.char.add(local, np.where(zone, "+05:30", "Z"))).astype(object)
    years = moments.astype("datetime64[Y]").astype(np.int64) + 1970
    return np.where((texts != b"") & (years > 1000) & (years < 9999), iso, texts)


def _missing(spec: tf.TensorSpec) -> np.ndarray:
    """Returns one row in which this feature is missing."""
    shape = [1] * spec.shape.rank
    return np.full(shape, b"", object) if spec.dtype == tf.string else np.full(shape, np.nan)


@functools.lru_cache(maxsize=8)
def load(path: str) -> ServedModel:
    """Returns the model in a folder, which each process loads once."""
    return ServedModel(path)
