"""Values that differ by their spelling only, and the query that merges them."""

import shlex
import unicodedata

import pytest

from core.errors import UserError
from pipeline.config import settings
from pipeline.profile import resolution

ROWS = range(600)


@pytest.fixture
def resolve(tmp_path):
    def resolve(texts, sets=(), name="c"):
        """Resolves a table in which the texts follow one another, as a category and as the label."""
        lines = [f'{row * 37 % 601}.5,"{texts[row % len(texts)]}",{"ab"[row // 7 % 2]}' for row in ROWS]
        path = tmp_path / "table.csv"
        path.write_text("\n".join([f'a,"{name}",y', *lines]) + "\n", encoding="utf-8")
        return resolution.resolve(settings.load(files=str(path), label="y", sets=sets))

    return resolve


def pasted(text: str) -> str:
    """Returns the value of the flag at the end of a message, as the shell reads it."""
    return shlex.split(text[text.index("--set ") :])[1]


@pytest.mark.parametrize(
    ("texts", "merged"),
    [
        (["Yes", "yes", "no"], ("Yes", "no")),
        (["yes", "yes ", "no"], ("no", "yes")),
        (["yes", "\u00a0yes", "no"], ("no", "yes")),
        (["New York", "New  York", "no"], ("New  York", "no")),
        (["New York", "New\u2009York", "no"], ("New York", "no")),
        ([">50K", ">50K.", "<=50K"], ("<=50K", ">50K")),
        (["café", unicodedata.normalize("NFD", "café"), "no"], ("cafe\u0301", "no")),
        (["YES. ", "yes", "it's"], ("YES. ", "it's")),
    ],
)
def test_the_query_merges_categories_and_classes(resolve, texts, merged):
    (warning,) = resolve(texts).warnings
    again = resolve(texts, sets=[pasted(warning)])
    assert "in `c`" in warning
    assert again.warnings == ()
    assert "2 different texts" in again.reasons["c"]

    (warning,) = resolve(texts, sets=["label=c"]).warnings
    assert resolve(texts, sets=["label=c", pasted(warning)]).spec.label.classes == merged


def test_the_query_leaves_the_others_as_they_are(resolve):
    texts = ["A", "B", "B ", "C"]

    (warning,) = resolve(texts).warnings

    assert warning.endswith("--set 'data.query=SELECT * REPLACE (trim(c) AS c) FROM data'")
    assert resolve(["A", "B", "C"]).warnings == ()


def test_a_class_keeps_its_most_frequent_spelling_or_that_of_the_configuration(resolve):
    texts = ["Yes", "Yes", "yes", "No", "no", "No"]

    (warning, *_) = resolve(texts, sets=["label=c"]).warnings
    assert resolve(texts, sets=["label=c", pasted(warning)]).spec.label.classes == ("No", "Yes")

    with pytest.raises(UserError, match="has the class 'Yes'") as raised:
        resolve(texts, sets=["label=c", "classes=[yes, No]"])
    named = resolve(texts, sets=["label=c", "classes=[yes, No]", pasted(str(raised.value))])
    assert named.spec.label.classes == ("yes", "No")


def test_a_rare_spelling_is_an_error_with_the_query(resolve):
    texts = ["yes"] * 299 + ["yes "] + ["no"] * 300

    with pytest.raises(UserError, match=r"'yes ' \(1\)") as raised:
        resolve(texts, sets=["label=c"])

    assert resolve(texts, sets=["label=c", pasted(str(raised.value))]).spec.label.classes == ("no", "yes")


def test_the_query_is_over_the_query_of_the_configuration(resolve):
    sets = ['data.query=SELECT * RENAME (c AS "C c") FROM data WHERE a > 1; -- some rows']

    (warning,) = resolve(["yes", "Yes", "no"], sets).warnings
    again = resolve(["yes", "Yes", "no"], [pasted(warning)])

    assert again.warnings == ()
    assert "2 different texts" in again.reasons["C c"]
