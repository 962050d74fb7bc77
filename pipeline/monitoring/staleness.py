"""Measures how old a model and its data are beside the requests."""

import dataclasses
import datetime
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.serving import model_versions
from pipeline.prediction.train_stats import TrainStats

_DAY = 86_400


@dataclasses.dataclass(frozen=True)
class Staleness:
    """The age of a model.

    Attributes:
        age_seconds: how long ago it was pushed.
        newest: the newest moment of train by feature of moments, in UTC.
        most_days: the age above which there is an alarm; None for any.
    """

    age_seconds: float
    newest: dict[str, datetime.datetime]
    most_days: float | None = None

    @classmethod
    def of(cls, version: Path, stats: Sequence[TrainStats], most_days: float | None) -> "Staleness":
        """Takes a version and the values of its features in train."""
        pushed = (version / model_versions.METADATA_FILE).stat().st_mtime
        moments = {
            train.feature.name: np.datetime64(int(train.values[1]), train.feature.unit).astype("datetime64[s]").item()
            for train in stats
            if train.feature.kind == "timestamp" and train.values
        }
        return cls(max(0.0, time.time() - pushed), moments, most_days)

    def to_dict(self) -> dict[str, Any]:
        """Returns the ages as JSON can hold them."""
        newest = {name: moment.isoformat() for name, moment in self.newest.items()}
        return {"days_since_push": round(self.age_seconds / _DAY, 3), "newest_in_train": newest}

    def alarms(self) -> list[str]:
        """Returns the alarm, if the model is too old."""
        days = self.age_seconds / _DAY
        if self.most_days is None or days <= self.most_days:
            return []
        return [f"the model was pushed {days:.1f} days ago, and at most {self.most_days:g} are allowed"]

    def lines(self) -> list[str]:
        """Returns the ages in a line."""
        newest = "".join(f"; newest {name} of train {moment}" for name, moment in self.newest.items())
        return [f"the model was pushed {self.age_seconds / _DAY:.1f} days ago{newest}"]
