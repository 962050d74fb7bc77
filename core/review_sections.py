"""Declares the sections for the review of a model: estimators to compare it with, and what persons sign."""

import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from core.config_types import Positive, Section, check_dotted_path, check_name


class Challenger(Section):
    """An estimator of another library, which is compared with the candidate on test and never pushed."""

    name: Annotated[str, AfterValidator(check_name)]
    """its name in the metrics and in TensorBoard"""
    estimator: Annotated[str, AfterValidator(check_dotted_path)]
    """the dotted path of a scikit-learn estimator: a class, a function that returns one, or an object"""
    params: dict[str, Any] = {}
    """its parameters; a list is a grid, of which eval chooses; {object: package.name} is an object by dotted path"""
    data: Literal["frame", "array"] = "frame"
    """whether it is given a data frame with names and categorical types, or a float32 array"""
    minutes: Positive = 10
    """the time after which its training is stopped"""

    @model_validator(mode="after")
    def _has_own_name(self) -> "Challenger":
        if self.name in ("candidate", "champion", "linear", "constant", "label", "weight"):
            raise ValueError(f"`{self.name}` is the name of another model or column. Give the challenger another one.")
        return self


Challengers = Annotated[tuple[Challenger, ...], BeforeValidator(lambda v: tuple(v) if isinstance(v, list) else v)]


def _past_date(text: str) -> str:
    """Returns a date as it is, or raises ValueError where it is none or has not come."""
    try:
        date = datetime.date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a date. Write it like 2026-01-31.") from None
    if date > datetime.date.today():
        raise ValueError(f"{text} has not come yet. Give the date on which the person signed.")
    return text


class Signature(Section):
    """What a person has checked by hand."""

    by: Annotated[str, Field(min_length=1)]
    """the name of the person"""
    date: Annotated[str, AfterValidator(_past_date)]
    """the date, such as 2026-01-31"""
    evidence: Annotated[str, Field(min_length=1)]
    """what was checked, and where its result can be read"""


class Score(Section):
    """The ML Test Score of Breck et al. 2017."""

    signed: dict[str, Signature] = {}
    """by the name of a test that a person does: who has done it; it counts half a point"""
