"""Defines what a report on requests holds: the verdict on each feature, on the predictions and on the quality."""

import dataclasses
from typing import Any

from pipeline.monitoring.drift.feature_drift import FeatureDrift


@dataclasses.dataclass(frozen=True)
class FeatureVerdict:
    """The verdict on a feature.

    Attributes:
        drift: its values beside train.
        reasons: in which respects it drifted.
        significant: whether the values differ from train by more than chance gives, if by however little.
        limit: the largest distance that the configuration of the training allows; None for any.
        change: by how much its drift moves the predictions, in standard deviations of the predictions; None where the
            feature did not drift, or where that is not known.
        share: its share in the changes of all features that drifted.
        matters: whether the change of the predictions is large enough for an alarm.
    """

    drift: FeatureDrift
    reasons: tuple[str, ...] = ()
    significant: bool = False
    limit: float | None = None
    change: float | None = None
    share: float | None = None
    matters: bool = True

    @property
    def is_beyond_limit(self) -> bool:
        """Whether the distance is larger than the configuration allows, and than chance gives with so few requests."""
        return self.limit is not None and self.significant and self.drift.distance > self.limit

    @property
    def state(self) -> str:
        """`alarm`, `drift` where it does not matter for the predictions, or `ok`."""
        if self.is_beyond_limit or (self.reasons and self.matters):
            return "alarm"
        return "drift" if self.reasons else "ok"

    def alarm(self) -> str:
        """Returns the alarm in one sentence; empty without one."""
        if self.state != "alarm":
            return ""
        drift, texts = self.drift, []
        if "distribution" in self.reasons or self.is_beyond_limit:
            allowed = f", and at most {self.limit:g} is allowed" if self.is_beyond_limit else ""
            texts.append(f"its {drift.measure.replace('_', ' ')} distance from train is {drift.distance:.3f}{allowed}")
        if "missing values" in self.reasons:
            texts.append(f"it is missing in {drift.missing[0]:.1%} of the rows, in train {drift.missing[1]:.1%}")
        if "unseen categories" in self.reasons and drift.unseen:
            expected = f"where {drift.unseen[1]:.1%} are to be expected"
            texts.append(f"{drift.unseen[0]:.1%} of its values are unseen categories, {expected}")
        moved = f"; that moves the predictions by {self.change:.2f} standard deviations" if self.change else ""
        return f"{drift.name!r} drifted: {'; '.join(texts)}{moved}"

    def to_dict(self) -> dict[str, Any]:
        """Returns the verdict as JSON can hold it."""
        more = {"limit": self.limit, "prediction_change": self.change, "share_of_change": self.share}
        given = {name: float(f"{value:.6g}") for name, value in more.items() if value is not None}
        return {"state": self.state, "reasons": list(self.reasons), **self.drift.to_dict(), **given}


@dataclasses.dataclass(frozen=True)
class Report:
    """A report on requests.

    Attributes:
        model: the folder of the version.
        rows: the number of requests.
        left_out: the number of rows that cannot be read.
        features: the verdicts, the most important first.
        notes: what was not done, and why.
        parts: further results by name, each with `to_dict`, `alarms` and `lines`.
    """

    model: str
    rows: int
    left_out: int
    features: tuple[FeatureVerdict, ...]
    notes: tuple[str, ...] = ()
    parts: dict[str, Any] = dataclasses.field(default_factory=dict)

    def alarms(self) -> list[str]:
        """Returns a sentence for each limit that was passed."""
        found = [text for feature in self.features if (text := feature.alarm())]
        return found + [alarm for part in self.parts.values() for alarm in part.alarms()]

    def to_dict(self) -> dict[str, Any]:
        """Returns the report as JSON can hold it."""
        return {
            "model": self.model,
            "rows": self.rows,
            "left_out": self.left_out,
            "alarms": self.alarms(),
            "notes": list(self.notes),
            "features": {feature.drift.name: feature.to_dict() for feature in self.features},
            **{name: part.to_dict() for name, part in self.parts.items()},
        }
