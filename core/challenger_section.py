"""Declares the section of the configuration for an estimator of another library."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, model_validator

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
