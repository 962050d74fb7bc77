"""Registers the search algorithms. To add one, see docs/adding_a_search.md."""

from core import text
from core.errors import UserError
from models.tuning.searches.base import SearchAlgorithm
from models.tuning.searches.bayesian import BAYESIAN
from models.tuning.searches.random_search import RANDOM

__all__ = ["SEARCHES", "SearchAlgorithm", "get"]

SEARCHES: dict[str, SearchAlgorithm] = {
    "bayesian": BAYESIAN,
    "random": RANDOM,
}


def get(name: str) -> SearchAlgorithm:
    """Returns a search algorithm.

    Raises:
        UserError: there is no such algorithm.
    """
    if name not in SEARCHES:
        raise UserError(text.unknown("search algorithm", name, list(SEARCHES)))
    return SEARCHES[name]
