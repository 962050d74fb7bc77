from core.plain_forms import plain_form, plain_forms


def test_plain_form():
    forms = {
        "5": "5", "+05.00": "5", "-0.0": "0", "0.50": "0.5", "100": "100", "1.": "1", ".5": None, "1e3": None,
        "TRUE": "true", "yes": None, "2024-04-10T00:00:00.000Z": "2024-04-10", "2024-04-10 01:00": None, "": None,
    }  # fmt: skip
    assert {given: plain_form(given) for given in forms} == forms


def test_plain_forms_leaves_out_what_two_texts_mean():
    assert plain_forms(["1", "01", "2.0", "x"]) == {"2": "2.0"}
