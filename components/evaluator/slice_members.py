"""Finds which rows of the test split belong to which slice, and compares the sensitive groups with the other rows."""

import dataclasses
from collections.abc import Container, Sequence

import numpy as np

from components.evaluator import batch_inference
from core import examples
from models.evaluation import fairness
from models.evaluation.gates import Evaluation


def rows_of(split: str, slices: Sequence[Sequence[str]], names: Container[str] | None = None) -> dict[str, np.ndarray]:
    """Returns the numbers of the rows of each slice, by its name.

    Args:
        split: the folder of the split.
        slices: the features of each slicing.
        names: the slices that are wanted; None for all.
    """
    columns = sorted({column for features in slices for column in features})
    found: dict[str, list[np.ndarray]] = {}
    first = 0
    for group in examples.row_groups(split) if columns else ():
        for key, members in batch_inference.slice_rows(examples.read(group, columns), slices):
            name = ", ".join(f"{feature} = {value}" for feature, value in key)
            if key and (names is None or name in names):
                found.setdefault(name, []).append(np.asarray(members) + first)
        first += group.rows
    return {name: np.concatenate(parts) for name, parts in found.items()}


def with_groups(evaluation: Evaluation, split: str) -> Evaluation:
    """Returns an evaluation with the sensitive groups of the configuration.

    Args:
        evaluation: the evaluation; one that cannot be judged is returned as it is.
        split: the folder of the test split.
    """
    sensitive = evaluation.evaluate.sensitive
    if not sensitive or evaluation.problem():
        return evaluation
    test, task = evaluation.test, evaluation.label.task
    members = rows_of(split, sensitive)
    found = fairness.groups(task, test.labels, test.by_model["candidate"], test.weights, members)
    return dataclasses.replace(evaluation, groups=found)
