"""Refuses a candidate that is clearly worse than a linear model trained in the same run."""

import functools

from models.evaluation.gates.base import Evaluation, Gate
from models.evaluation.gates.not_worse import not_worse

LINEAR = Gate("linear", Evaluation, functools.partial(not_worse, "linear", 0.0))
