"""Defines the values of a run from which the parameters of its stages are made. TFX and TensorFlow are not imported."""

import abc
import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from core import digests
from core.spec import Spec

if TYPE_CHECKING:
    from ingest import Source
    from pipeline.config.settings import Settings


@dataclasses.dataclass(frozen=True)
class RunContext(abc.ABC):
    """The values from which the parameters of all stages are made. A subclass says where a run keeps its folders.

    Attributes:
        settings: the resolved configuration.
        spec: the features, the label and the model.
        source: the table.
        data_digest: the digest of the content of its files.
        digests: the fingerprint digests of the stages that are declared before.
    """

    settings: "Settings"
    spec: Spec
    source: "Source"
    data_digest: str
    digests: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def section(self, name: str) -> dict[str, Any]:
        """Returns a section of the configuration as JSON values."""
        section: dict[str, Any] = self.settings.model_dump(mode="json", include={name})[name]
        return section

    def of_ensemble(self, *names: str) -> dict[str, Any]:
        """Returns sections that count for an ensemble only; empty where one family is trained."""
        return {name: self.section(name) if self.spec.family == "auto" else {} for name in names}

    def training_of_trials(self) -> dict[str, Any]:
        """Returns the section `train`; where one family is tuned, by shorter trials, what changes the training rows."""
        section = self.section("train")
        changing = ("class_weights", "noise", "swap_noise", "mixup", "augmentation")
        names = section if self.spec.family == "auto" else changing
        return {name: section[name] for name in names}

    def augmentation_digest(self) -> str:
        """Returns the digest of the file of the user's augmentation; empty without one."""
        return digests.of_module(self.settings.train.augmentation)

    def columns(self, *fields: str) -> dict[str, Any]:
        """Returns the spec with the named fields of each feature, the others at their defaults, and without the model.

        A data stage gets no more than it uses: otherwise a change of the model would run it again.
        """
        kept = {"name", *fields}
        features = tuple(
            type(feature)(**{"kind": "categorical", **{name: getattr(feature, name) for name in kept}})
            for feature in self.spec.features
        )
        return dataclasses.asdict(Spec(self.spec.label, features, self.spec.weight))

    def model(self, **changes: Any) -> dict[str, Any]:
        """Returns the whole spec, with some fields changed."""
        return dataclasses.asdict(dataclasses.replace(self.spec, **changes))

    def slice_columns(self) -> list[str]:
        """Returns the columns by which statistics and metrics are sliced."""
        slices = (*self.settings.statistics.slices, *self.settings.evaluate.all_slices)
        return sorted({column for columns in slices for column in columns})

    @abc.abstractmethod
    def serving(self) -> str:
        """Returns the folder of the served versions."""

    @abc.abstractmethod
    def search(self) -> dict[str, str]:
        """Returns the folders `directory` of the trials, and `logs` of their TensorBoard logs, empty for none."""

    @abc.abstractmethod
    def backup(self, stage: str) -> str:
        """Returns the folder of the backups of a training that has not ended."""

    @abc.abstractmethod
    def cache(self, stage: str) -> str:
        """Returns the folder of a stage's results for each file; empty where none are kept."""

    @abc.abstractmethod
    def champion(self) -> str:
        """Returns the folder of the served version that the candidate is compared with; empty for none."""

    @abc.abstractmethod
    def warm_start(self) -> str:
        """Returns the folder of the served version from whose weights a network begins; empty for none."""

    @abc.abstractmethod
    def previous_statistics(self) -> str:
        """Returns the folder of the statistics from which drift is measured; empty for none."""
