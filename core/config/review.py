"""Declares the sections for the review of a run: other estimators, what persons say of it, what a GPU would do."""

import datetime
import urllib.parse
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from core.config.types import Positive, Section, Texts, check_dotted_path, check_name


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

    @property
    def paths(self) -> list[str]:
        """The dotted paths that it names: its estimator, and the objects among its parameters."""
        values = [item for value in self.params.values() for item in (value if isinstance(value, list) else [value])]
        return [
            self.estimator,
            *(item["object"] for item in values if isinstance(item, dict) and set(item) == {"object"}),
        ]

    @model_validator(mode="after")
    def _has_own_name(self) -> "Challenger":
        if self.name in ("candidate", "champion", "linear", "constant", "label", "weight"):
            raise ValueError(f"`{self.name}` is the name of another model or column. Give the challenger another one.")
        return self


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


Challengers = Annotated[tuple[Challenger, ...], BeforeValidator(_tuple)]


def _past_date(text: str) -> str:
    """Returns a date as it is, or raises ValueError where it is none or has not come."""
    try:
        date = datetime.date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a date. Write it like 2026-01-31.") from None
    if date > datetime.date.today():
        raise ValueError(f"{text} has not come yet. Give the date on which the person signed.")
    return text


def _web_address(text: str) -> str:
    """Returns the address of a server as it is, or raises ValueError where it is none or has a password."""
    parts = urllib.parse.urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{text!r} is not the address of a server. Write it like http://localhost:5000.")
    if parts.password:
        raise ValueError("the address has a password. Leave it out, and set MLFLOW_TRACKING_PASSWORD for the run.")
    return text


def _lineage_address(text: str) -> str:
    """Returns the address of a server or the path of a file as it is, or raises ValueError where it is neither."""
    parts = urllib.parse.urlsplit(text)
    if parts.password:
        raise ValueError("the address has a password. Leave it out, and set OPENLINEAGE_API_KEY for the run.")
    if not (parts.scheme in ("http", "https") and parts.hostname) and ("://" in text or not text.endswith(".jsonl")):
        raise ValueError(
            f"{text!r} is not the address of a server. Write it like http://localhost:5000, or give the path of a "
            "file FILE.jsonl."
        )
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


class Track(Section):
    """The servers that are told of a run."""

    mlflow: Annotated[str, AfterValidator(_web_address)] | None = None
    """the address of MLflow's tracking server, such as http://localhost:5000; null: nothing is logged"""
    openlineage: Annotated[str, AfterValidator(_lineage_address)] | None = None
    """the address of a server that takes OpenLineage's events, or the path of a file FILE.jsonl; null: none are sent"""


class Gpu(Section):
    """What is assumed of a GPU where a run on a CPU says whether one would pay."""

    speedup: Positive = 10.0
    """how many times faster a step of training is on the GPU than on this CPU"""
    step_ms: Positive = 1.0
    """the least time of a step on the GPU, in milliseconds: starting its operations takes so long"""
    minutes: Positive = 5.0
    """the advice is to move where a run ends earlier by so many minutes, and by a third of its time"""
    price_per_hour: Positive | None = None
    """the price of an hour of the machine with the GPU, in any currency; null: costs are not compared"""
    cpu_price_per_hour: Positive | None = None
    """the price of an hour of the present machine"""


class Owner(Section):
    """A person or a group that is responsible for the model."""

    name: Annotated[str, Field(min_length=1)]
    """its name"""
    contact: str = ""
    """how to reach it"""


class Risk(Section):
    """A way in which the model could do harm."""

    name: Annotated[str, Field(min_length=1)]
    """the harm"""
    mitigation: str = ""
    """what is done about it"""


class Card(Section):
    """The parts of the model card that persons write; the run fills in the others."""

    overview: str | None = None
    """what the model is for; null: its label and task"""
    owners: Annotated[tuple[Owner, ...], BeforeValidator(_tuple)] = ()
    """who is responsible, such as [{name: Fares, contact: fares@example.org}]"""
    license: str | None = None
    """the licence of the model, such as Apache-2.0"""
    references: Texts = ()
    """documents about it"""
    users: Texts = ()
    """who uses the predictions"""
    use_cases: Texts = ()
    """what they are used for"""
    limitations: Texts = ()
    """where the model is not to be used"""
    tradeoffs: Texts = ()
    """what was given up for what"""
    risks: Annotated[tuple[Risk, ...], BeforeValidator(_tuple)] = ()
    """ethical considerations, such as [{name: unequal prices, mitigation: a person checks each refusal}]"""
    sensitive_data: Texts = ()
    """the columns that are personal data"""
