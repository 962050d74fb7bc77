"""Refuses a candidate that is clearly worse than the champion, the model that is served."""

import functools

from models.evaluation.gates.base import Evaluation, Gate
from models.evaluation.gates.not_worse import not_worse

# Of the improvement over a constant. A smaller loss matters less than data that are newer.
_NEGLIGIBLE = 0.005

CHAMPION = Gate("champion", Evaluation, functools.partial(not_worse, "champion", _NEGLIGIBLE))
