"""Writes the blessing as the stock Evaluator does: TFX's own components read it."""

import os

from tfx import types
from tfx.components.evaluator import constants
from tfx.utils import io_utils


def write(blessing: types.Artifact, model: types.Artifact, champion: str | None, blessed: bool) -> None:
    """Writes the blessing of a candidate, with the folder of the champion that it was compared with."""
    blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY, model.uri)
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, model.id)
    if champion:
        blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_URI_KEY, champion)
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, int(blessed))
    name = constants.BLESSED_FILE_NAME if blessed else constants.NOT_BLESSED_FILE_NAME
    io_utils.write_string_file(os.path.join(blessing.uri, name), "")
