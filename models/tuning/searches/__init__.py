"""Registers the search algorithms. To add one, see docs/adding/search.md."""

from models.tuning.searches.base import SearchAlgorithm
from models.tuning.searches.bayesian import BAYESIAN
from models.tuning.searches.hyperband import HYPERBAND
from models.tuning.searches.random_search import RANDOM
from models.tuning.searches.screen_bayesian import SCREEN_BAYESIAN

__all__ = ["SEARCHES", "SearchAlgorithm"]

SEARCHES: dict[str, SearchAlgorithm] = {
    "bayesian": BAYESIAN,
    "hyperband": HYPERBAND,
    "random": RANDOM,
    "screen_bayesian": SCREEN_BAYESIAN,
}
