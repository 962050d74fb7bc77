"""The choice of the hyperparameters to concentrate on."""

from models.tuning.searches.screen_bayesian import important


def test_the_fewest_that_have_four_fifths_of_the_importance():
    assert important({"a": 0.5, "b": 0.25, "c": 0.15, "d": 0.1}) == ["a", "b", "c"]
    assert important({"a": 0.9, "b": 0.1}) == ["a"]
    assert important({}) == []
