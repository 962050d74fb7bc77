"""Registers the search algorithms. To add one, see docs/adding_a_search.md."""

from models.tuning.searches.base import SearchAlgorithm
from models.tuning.searches.bayesian import BAYESIAN
from models.tuning.searches.random_search import RANDOM

__all__ = ["SEARCHES", "SearchAlgorithm"]

SEARCHES: dict[str, SearchAlgorithm] = {
    "bayesian": BAYESIAN,
    "random": RANDOM,
}
