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


def test_plain_form():
    forms = {
        "5": "5", "+05.00": "5", "-0.0": "0", "0.50": "0.5", "100": "100", "1.": "1", ".5": None, "1e3": None,
        "TRUE": "true", "yes": None, "2024-04-10T00:00:00.000Z": "2024-04-10", "2024-04-10 01:00": None, "": None,
    }  # fmt: skip
    assert {given: text.plain_form(given) for given in forms} == forms


def test_plain_forms_leaves_out_what_two_texts_mean():
    assert text.plain_forms(["1", "01", "2.0", "x"]) == {"2": "2.0"}
