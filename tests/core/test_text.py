from core import text


def test_near_match_ignores_case():
    assert text.near_match("trainr", ["Tuner", "Trainer"]) == "Trainer"
    assert text.near_match("xyz", ["Tuner", "Trainer"]) is None


def test_listing_says_how_many_more():
    assert text.listing(["a", "b", "c"], most=2) == "a, b and 1 more"
    assert text.listing(["a", "b"], most=2) == "a, b"


def test_unknown_says_what_is_accepted_and_what_may_be_meant():
    assert text.unknown("stage", "Trainr", ["Tuner", "Trainer"]) == (
        "There is no stage 'Trainr'. Did you mean 'Trainer'? Expected one of Tuner, Trainer."
    )
