"""Features that give the label away, on tables made by hand."""

import pyarrow as pa

from pipeline.profile.target_leakage import leaking_features

ROWS = range(100)
LABEL = ["yes" if row % 4 == 0 else "no" for row in ROWS]


def found(label, task, **features) -> set[str]:
    table = pa.table({"label": label, **{name: values for name, (values, _) in features.items()}})
    return set(leaking_features(table, "label", task, {name: ordered for name, (_, ordered) in features.items()}))


def test_a_category_that_is_the_label_by_another_name():
    copy = ["Y" if value == "yes" else "N" for value in LABEL]

    assert found(LABEL, "binary", copy=(copy, False), other=([row % 5 for row in ROWS], False)) == {"copy"}


def test_a_missing_value_can_give_the_label_away():
    told = [None if value == "yes" else "x" for value in LABEL]

    assert found(LABEL, "binary", told=(told, False)) == {"told"}


def test_a_threshold_on_a_number():
    score = [row / 7 + (1000 if LABEL[row] == "yes" else 0) for row in ROWS]
    turned = [-value for value in score]

    assert found(LABEL, "binary", score=(score, True), turned=(turned, True), row=(list(ROWS), True)) == {
        "score",
        "turned",
    }


def test_a_good_feature_is_no_leak_unless_one_value_settles_much():
    score = [row if LABEL[row] == "no" else row + 80 for row in ROWS]  # AUC 0.98
    amount = [0 if LABEL[row] == "no" and row % 3 else value for row, value in zip(ROWS, score, strict=True)]

    assert found(LABEL, "binary", score=(score, True)) == set()
    assert found(LABEL, "binary", amount=(amount, True)) == {"amount"}


def test_values_that_occur_once_are_no_proof():
    unique = [f"{LABEL[row]}-{row}" for row in ROWS]

    assert found(LABEL, "binary", unique=(unique, False)) == set()


def test_a_frequent_class_is_no_leak():
    rare = ["yes" if row == 7 else "no" for row in ROWS]

    assert found(rare, "binary", other=([row % 5 for row in ROWS], False)) == set()


def test_a_number_whose_ranges_are_the_classes():
    grade = ["abc"[row // 34] for row in ROWS]

    assert (
        found(grade, "multiclass", score=([row * 1.5 for row in ROWS], True)) == set()
    )  # bins of 5 straddle the limits

    rows = range(3000)
    grade = ["abc"[row // 1000] for row in rows]
    assert found(grade, "multiclass", score=([row * 1.5 for row in rows], True)) == {"score"}


def test_regression():
    label = [float(row % 17) for row in ROWS]
    features = {
        "twice": ([2 * value for value in label], True),
        "cube": ([value**3 for value in label], True),
        "category": ([f"c{value}" for value in label], False),
        "other": ([row % 10 for row in ROWS], True),
    }

    assert found(label, "regression", **features) == {"twice", "cube", "category"}


def test_too_few_rows_are_no_proof():
    assert found(LABEL[:20], "binary", copy=(LABEL[:20], False)) == set()
