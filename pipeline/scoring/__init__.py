"""Scores a run by the ML Test Score of Breck et al. 2017."""
