"""Refuses a candidate that is clearly worse than the champion, the model that is served."""

import functools

from models.evaluation.gates.base import Evaluation, Gate
from models.evaluation.gates.not_worse import not_worse

CHAMPION = Gate("champion", Evaluation, functools.partial(not_worse, "champion"))
