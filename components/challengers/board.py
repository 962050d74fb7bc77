"""Writes the metrics and parameters of challengers as TensorBoard shows them, one run for each."""

import pathlib
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams


def write(folder: str, reports: Mapping[str, Mapping[str, Any]]) -> None:
    """Writes the logs.

    Args:
        folder: the folder of the challengers, each of which gets a folder `board`.
        reports: the report of each challenger.
    """
    for name, report in reports.items():
        with tf.summary.create_file_writer(str(pathlib.Path(folder, name, "board"))).as_default():
            shown = {key: _plain(value) for key, value in report["parameters"].items()}
            hparams.hparams({"estimator": report["estimator"], **shown}, trial_id=name)
            for metric, value in report["metrics"].items():
                tf.summary.scalar(f"eval/{metric}", value, step=0)


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool | int | float | str) else str(value)
