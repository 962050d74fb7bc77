"""Declares the features, the label and the model of a run as frozen dataclasses.

Every stage gets a `Spec` as JSON. This module imports the standard library only, because the command line imports it.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

Kind = Literal["numeric", "categorical", "text", "timestamp"]
Payload = Literal["int", "float", "double", "text"]
Task = Literal["binary", "multiclass", "regression"]
Unit = Literal["s", "ms", "us", "ns"]

# `Feature.written`, beside the formats of strptime.
ISO_8601, TRUE_OR_FALSE, WHOLE_NUMBERS = "ISO 8601", "true or false", "whole numbers"
PER_SECOND: Mapping[Unit, int] = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
UNIT_NAMES: Mapping[Unit, str] = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
EXACT_DOUBLE = 2**53  # float64 holds all whole numbers up to it
_TEN_YEARS = 10 * 31_556_952  # seconds


@dataclasses.dataclass(frozen=True)
class Feature:
    """One raw column that the model may see.

    Attributes:
        name: the column's name in Examples and in serving requests.
        kind: how it is meant.
        payload: how Examples hold a value: int64, float32, float64 or UTF-8 bytes.
        repeated: whether a row may hold several values (a list column).
        unit: timestamps only: the unit in which the int64 counts from 1970-01-01 UTC.
        vocabulary: categorical only: how many of the most frequent values get an index of their own.
        buckets: numeric only: how many quantile bins the model's encodings may use.
        written: int payloads only: how requests write a value as a text. Moments and truth values as the texts of the
            data do (`ISO 8601` or a strptime format; `true or false`), and what float64 rounds as `whole numbers`.
            None where requests have numbers.
        also_numeric: categorical whole numbers only: whether their amount is an input beside their category.
        in_files: the column's name in the files of the training, where it is another one.
    """

    name: str
    kind: Kind
    payload: Payload
    repeated: bool = False
    unit: Unit = "us"
    vocabulary: int = 10_000
    buckets: int = 48
    written: str | None = None
    also_numeric: bool = False
    in_files: str | None = None


@dataclasses.dataclass(frozen=True)
class Label:
    """The column to predict.

    Attributes:
        name: the column's name in Examples.
        task: what kind of prediction it is.
        payload: how Examples hold it.
        classes: the classes as text (an int payload as its decimal digits), in the order of the scores; empty for
            regression. The positive class of a binary task is the second.
    """

    name: str
    task: Task
    payload: Payload
    classes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Spec:
    """All that preprocessing, tuning, training and export need to know."""

    label: Label
    features: tuple[Feature, ...]
    weight: str | None = None
    family: str = "mlp"
    hyperparameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    preprocessing_fn: str | None = None

    def to_json(self) -> str:
        """Returns the spec as JSON with sorted keys: equal specs give equal texts."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Spec":
        """Returns the spec that `to_json` wrote."""
        fields = json.loads(text)
        label = fields.pop("label")
        features = fields.pop("features")
        return cls(
            label=Label(**{**label, "classes": tuple(label["classes"])}),
            features=tuple(Feature(**feature) for feature in features),
            **fields,
        )


@dataclasses.dataclass(frozen=True)
class Input:
    """One transformed feature as the model takes it.

    Attributes:
        name: its name in the transform graph's output.
        kind: `numeric` is float32[batch]; `categorical` is int64[batch] in [0, size); `tokens` is int64[batch, length]
            in [0, size), where 0 is padding.
        size: how many indexes there are, for categorical and tokens; 0 for numeric.
        mean: numeric only: the mean over train.
        std: numeric only: the standard deviation over train, 1 where it would be 0.
        boundaries: numeric only: growing quantiles over train, the ends left out.
        moments: the days of a moment only: the least and the greatest moment of train, in the unit of the feature.
        unknown_below_zero: a user's function gives -1 for unknown values, which becomes the last index.
        missing_of: numeric only: the name of the numeric that was missing where this one is 1, and 0 elsewhere.
        values: categories that have an index of their own, in its order; empty where the index is not from train.
        offset: numeric only: what the transform graph subtracts from the values.
    """

    name: str
    kind: Literal["numeric", "categorical", "tokens"]
    size: int = 0
    mean: float = 0.0
    std: float = 1.0
    boundaries: tuple[float, ...] = ()
    unknown_below_zero: bool = False
    missing_of: str = ""
    moments: tuple[int, ...] = ()
    values: tuple[str, ...] = dataclasses.field(default=(), compare=False, repr=False)
    offset: float = dataclasses.field(default=0.0, compare=False)


def plausible_moments(moments: Sequence[float], unit: Unit) -> tuple[float, float]:
    """Returns the least and the greatest whole number that can be a moment: others count another unit.

    Args:
        moments: the least and the greatest moment of train.
        unit: of these numbers.
    """
    low, high = moments
    margin = high - low + _TEN_YEARS * PER_SECOND[unit]
    return low - margin, high + margin


def inputs_to_json(inputs: tuple[Input, ...]) -> str:
    """Returns the inputs as a JSON list."""
    return json.dumps([dataclasses.asdict(model_input) for model_input in inputs], indent=1)


def inputs_from_json(text: str) -> tuple[Input, ...]:
    """Returns the inputs that `inputs_to_json` wrote."""
    return tuple(
        Input(**{**fields, **{name: tuple(fields[name]) for name in ("boundaries", "moments", "values")}})
        for fields in json.loads(text)
    )
