"""Reads and writes which versions of a model TensorFlow Serving loads, and which are `stable` and `canary`.

The labels are in `models.config` beside the versions, which the server polls. Without that file, the newest version is
stable. Beside it are `batching_parameters.txt` and `monitoring.config`, which are written once and then belong to the
person who runs the server.
"""

import dataclasses
import pathlib
from typing import Any

from core import storage, text
from core.errors import UserError

CONFIG_FILE = "models.config"
BATCHING_FILE = "batching_parameters.txt"
MONITORING_FILE = "monitoring.config"
# The last one is that by which a server knows the versions.
FILES = (BATCHING_FILE, MONITORING_FILE, CONFIG_FILE)

_BATCHING = """\
# For --enable_batching --batching_parameters_file. A request with more rows than max_batch_size is refused, and
# requests of a model with repeated features cannot be joined: serve these without batching.
max_batch_size { value: 1024 }
batch_timeout_micros { value: 1000 }
max_enqueued_batches { value: 1000 }
"""
_MONITORING = """\
prometheus_config {
  enable: true
  path: "/monitoring/prometheus/metrics"
}
"""


@dataclasses.dataclass(frozen=True)
class Labels:
    """The versions that have a label.

    Attributes:
        stable: the version that answers clients; None where nothing is served.
        canary: the version that is tried beside it; None for none.
        previous: the version that was stable before, if it is still loaded. TensorFlow Serving moves a label only to a
            version that is loaded: so requests for `stable` are answered all the time, and a rollback is immediate.
    """

    stable: int | None
    canary: int | None = None
    previous: int | None = None

    def loaded(self) -> list[int]:
        """Returns the versions that a server loads."""
        return sorted({version for version in dataclasses.astuple(self) if version is not None})

    def of(self, version: int) -> str | None:
        """Returns the label of a version; None for none."""
        return {self.canary: "canary", self.stable: "stable"}.get(version)

    def moved(self, label: str, version: int) -> "Labels":
        """Returns the labels after one was given to a version. A canary that becomes stable is no canary any more."""
        if label == "canary":
            return dataclasses.replace(self, canary=version)
        # Requests without a label go to the newest loaded version, so the one that is rolled back must not stay there.
        left = version in self.loaded() and version < (self.stable or 0)
        return Labels(version, None if self.canary == version else self.canary, None if left else self.stable)


def read(base: pathlib.Path, versions: list[int]) -> Labels:
    """Returns the labels of the versions below a folder.

    Args:
        base: the folder.
        versions: its versions. A label of one that was removed is no label.

    Raises:
        UserError: `models.config` cannot be read.
    """
    if not (base / CONFIG_FILE).exists():
        return Labels(max(versions, default=None))
    model = _model(_parsed(base))
    labels = {name: number for name, number in model.version_labels.items() if number in versions}
    stable, canary = labels.get("stable", max(versions, default=None)), labels.get("canary")
    others = [number for number in model.model_version_policy.specific.versions if number not in (stable, canary)]
    return Labels(stable, canary, next((number for number in others if number in versions), None))


def write(base: pathlib.Path, labels: Labels) -> None:
    """Writes the files that configure TensorFlow Serving; each appears in one step.

    The name, the path and further models of an existing `models.config` stay as they are.
    """
    from google.protobuf import text_format

    config = _parsed(base)
    model = _model(config)
    specific = model.model_version_policy.specific
    del specific.versions[:]
    specific.versions.extend(labels.loaded())
    for label in ("stable", "canary"):
        model.version_labels.pop(label, None)
        if (version := getattr(labels, label)) is not None:
            model.version_labels[label] = version
    storage.write_text(base / CONFIG_FILE, text_format.MessageToString(config, as_utf8=True))
    for name, content in ((BATCHING_FILE, _BATCHING), (MONITORING_FILE, _MONITORING)):
        if not (base / name).exists():
            storage.write_text(base / name, content)


def begin(base: pathlib.Path, location: str) -> None:
    """Writes the `models.config` of a model without versions, which a server finds at a URI."""
    from google.protobuf import text_format

    name = location.split("/")[-2]
    storage.write_text(base / CONFIG_FILE, text_format.MessageToString(_config(name, location), as_utf8=True))


def model_name(base: pathlib.Path) -> str:
    """Returns the name by which clients address the model."""
    return str(_model(_parsed(base)).name)


def _parsed(base: pathlib.Path) -> Any:
    """Returns the ModelServerConfig of a folder; that of a model that has no version yet where there is none."""
    # This needs protobuf alone: TensorFlow Serving's messages do not import TensorFlow.
    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2

    config = model_server_config_pb2.ModelServerConfig()
    file = base / CONFIG_FILE
    try:
        text_format.Parse(file.read_text(encoding="utf-8"), config)
    except FileNotFoundError:
        # The versions of the run NAME are in NAME/serving, and TensorFlow Serving's image has them at /models/NAME.
        name = base.absolute().parent.name or "model"
        return _config(name, f"/models/{name}")
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise UserError(
            f"{file} cannot be read: {text.clause(error)}. The text form of TensorFlow Serving's ModelServerConfig was "
            "expected. Correct it, or remove it: then the newest version is stable."
        ) from error
    if not config.model_config_list.config:
        raise UserError(f"{file} names no model. Add one, or remove the file: then the newest version is stable.")
    return config


def _config(name: str, location: str) -> Any:
    from tensorflow_serving.config import model_server_config_pb2

    config = model_server_config_pb2.ModelServerConfig()
    config.model_config_list.config.add(name=name, base_path=location, model_platform="tensorflow")
    return config


def _model(config: Any) -> Any:
    return config.model_config_list.config[0]
