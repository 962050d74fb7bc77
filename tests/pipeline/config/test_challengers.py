"""The challengers of a configuration, checked before a run starts."""

import pytest

from core.errors import UserError
from pipeline.config import dotted_path, settings

FOREST = "sklearn.ensemble.RandomForestClassifier"


def _load(*challengers):
    return settings.load(files="a.csv", label="late", sets=[f"challengers=[{', '.join(challengers)}]"])


def test_a_challenger_has_defaults():
    (found,) = _load(f"{{name: forest, estimator: {FOREST}, params: {{max_depth: [1, 2]}}}}").challengers
    assert (found.params, found.data, found.minutes) == ({"max_depth": [1, 2]}, "frame", 10)


@pytest.mark.parametrize(
    ("challengers", "message"),
    [
        (
            ["{name: forest, estimator: sklearn.ensemble.RandomForestClasifier}"],
            "Did you mean 'RandomForestClassifier'",
        ),
        (["{name: forest, estimator: no_such_library.Tree}"], "there is no module no_such_library"),
        (["{name: a, estimator: " + FOREST + ", params: {base: {object: sklearn.tree.NoTree}}}"], "defines no NoTree"),
        (["{name: linear, estimator: " + FOREST + "}"], "`linear` is the name of another model"),
        (["{name: a, estimator: " + FOREST + "}"] * 2, "two challengers have the same name: a, a"),
    ],
)
def test_a_wrong_challenger_is_named(challengers, message):
    with pytest.raises(UserError) as caught:
        _load(*challengers)
    assert message in str(caught.value)


def test_a_library_of_the_extra_that_is_missing_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(dotted_path, "_EXTRA", ("not_installed_library",))
    with pytest.raises(
        UserError, match=r"not installed. Run `make extras EXTRAS=challengers`, .* `pip install .\[challengers\]`"
    ):
        dotted_path.check_function("not_installed_library.Tree", "the estimator of challenger tree")
