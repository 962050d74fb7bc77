"""Predicts with the SavedModel of a run in MLflow, which keeps a copy of this file with the model.

It uses the signature `predict` of the model that was pushed, so the predictions are those of TensorFlow Serving.
"""

import mlflow
import numpy as np
import pandas as pd
import tensorflow as tf


class MlflowModel(mlflow.pyfunc.PythonModel):
    """The pushed model behind MLflow's interface."""

    def load_context(self, context: mlflow.pyfunc.PythonModelContext) -> None:
        """Loads the SavedModel, with TensorFlow alone."""
        self._model = tf.saved_model.load(context.artifacts["saved_model"])
        self._predict = self._model.signatures["predict"]

    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        """Returns predictions; MLflow would take annotations for a schema.

        Args:
            context: not used.
            model_input: a data frame with the features, a row each; missing is None or NaN.
            params: not used.

        Returns:
            A data frame with `prediction`, and for classes a `score_CLASS` each.
        """
        _, inputs = self._predict.structured_input_signature
        answer = self._predict(**{key: _tensor(model_input[spec.name], spec) for key, spec in inputs.items()})
        found = {name: value.numpy() for name, value in answer.items()}
        if "predictions" in found:
            return pd.DataFrame({"prediction": found.get("predictions_float64", found["predictions"])})
        names = [name.decode() for name in found["classes"][0]]
        scores = {f"score_{name}": found["scores"][:, index] for index, name in enumerate(names)}
        return pd.DataFrame({"prediction": [name.decode() for name in found["predicted"]], **scores})


def _tensor(column: pd.Series, spec: tf.TensorSpec) -> tf.Tensor:
    """Returns a column as the signature takes it: float64 or string [rows], or [rows, values] of a repeated feature."""
    values = np.array(column.tolist(), object)
    if spec.dtype == tf.string:
        return tf.constant(np.where(pd.isna(values), "", values), tf.string)
    return tf.constant(values.astype(np.float64), spec.dtype)


mlflow.models.set_model(MlflowModel())
