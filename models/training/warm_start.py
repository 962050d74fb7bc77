"""Begins the training of a network from the weights of an earlier version of the served model: a warm start.

The network keeps the means, standard deviations and quantiles by which the earlier one scaled numbers, and the
embeddings are copied category by category. So it predicts at first what the earlier version did, but for missing
numbers, which become the new median, and for times, which are relative to those of its own rows.

It is not the default. Networks of the families mlp and tabm on 10,000 flights of three months, trained again for each
of four further months with two seeds, had in 15 of 16 cases a lower AUC on the next month than those that began anew,
by 0.010 on average, and a higher log loss in 8. Ash and Adams 2020, "On Warm-Starting Neural Network Training", arXiv
1910.08475, found that it harms on other data too.
"""

import dataclasses
import json
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from core.spec import Input, Label, Spec, inputs_from_json, inputs_to_json
from models.families.family import Family
from models.networks.layers import FusedEmbedding
from models.preprocessing.packing import of_kind
from models.trained import WarmStart

# In the folder of a SavedModel: what its variables do not say of the network.
FILE = "assets.extra/network.json"
_ANY = frozenset({"learning_rate", "weight_decay", "dropout"})  # hyperparameters that weights do not depend on
_EMBEDDINGS = {"categorical": "categorical_embedding", "tokens": "text_embedding"}  # the layers by kind


def save(
    model: str, family: str, hyperparameters: Mapping[str, Any], label: Label, inputs: tuple[Input, ...], predictor: Any
) -> None:
    """Writes what a later training needs beside the variables into the folder of a SavedModel.

    Args:
        model: the folder, which `models.serving.export` wrote.
        family: the name of the family.
        hyperparameters: all of them.
        label: the label.
        inputs: the inputs that the network was built with.
        predictor: the network with its last layer, as `Head.predictor` returns it.
    """
    places = {id(variable): place for place, variable in enumerate(predictor.variables)}
    last = predictor.layers[-1]
    described = {
        "family": family,
        "hyperparameters": dict(hyperparameters),
        "classes": label.classes,
        "label": {"mean": last.mean, "std": last.std},
        "inputs": inputs_to_json(inputs),
        "variables": [places[id(variable)] for variable in predictor.weights],
    }
    path = pathlib.Path(model, FILE)
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(described), encoding="utf-8")


def of(
    model: str, family: Family | None, hyperparameters: Mapping[str, Any], spec: Spec, inputs: tuple[Input, ...]
) -> tuple[WarmStart | None, str]:
    """Returns what the network of a training begins with, or None and the reason why it begins anew.

    Args:
        model: the folder of an earlier version.
        family: the family of the training; None for an ensemble of several.
        hyperparameters: all of them.
        spec: the label, and whether a function of the user makes the inputs.
        inputs: the inputs of the model.
    """
    file = pathlib.Path(model, FILE)
    if family is None or family.build is None:
        return None, f"{family.name if family else 'an ensemble'} cannot go on with another model"
    if spec.preprocessing_fn:
        return None, "what a preprocessing_fn of your own gives may mean something else for other data"
    if not file.exists():
        return None, "it is not a single network"
    earlier = json.loads(file.read_text(encoding="utf-8"))
    before = inputs_from_json(earlier["inputs"])
    reason = next(_differences(earlier, before, family, hyperparameters, spec.label, inputs), "")
    if reason:
        return None, reason
    scaled = tuple(map(_scaled, inputs, before))
    network = family.build(scaled, len(spec.label.classes) if spec.label.task == "multiclass" else 1, hyperparameters)
    weights = _adapted(network, _weights(model, earlier["variables"]), scaled, before)
    if [weight.shape for weight in weights] != [tuple(weight.shape) for weight in network.weights]:
        return None, "its weights have other shapes"
    return WarmStart(scaled, **earlier["label"], weights=weights), ""


def _differences(
    earlier: Mapping[str, Any],
    before: tuple[Input, ...],
    family: Family,
    hyperparameters: Mapping[str, Any],
    label: Label,
    inputs: tuple[Input, ...],
) -> Iterator[str]:
    """Yields why weights of the earlier network do not mean the same in the new one."""
    if earlier["family"] != family.name:
        yield f"it is of the family {earlier['family']}, and not {family.name}"
    for name, value in hyperparameters.items():
        if name not in _ANY and earlier["hyperparameters"].get(name) != value:
            yield f"its {name} is {earlier['hyperparameters'].get(name)}, and not {value}"
    if tuple(earlier["classes"]) != label.classes:
        yield "it predicts other classes"
    kinds, others = ({one.name: one.kind for one in some} for some in (inputs, before))
    if list(kinds.items()) != list(others.items()):
        changed = sorted(kinds.items() ^ others.items())
        yield f"it has other inputs ({changed[0][0]})" if changed else "its inputs have another order"
    for new, old in zip(inputs, before, strict=True):
        yield from _unlike_categories(new, old, family)


def _unlike_categories(new: Input, old: Input, family: Family) -> Iterator[str]:
    if new.kind != "numeric":
        if new.size != old.size and not new.values:
            yield f"{new.name} has another number of categories"
        if new.values != old.values and not family.embedded:
            yield f"the categories of {new.name} have changed, and {family.name} does not only embed them"


def _scaled(new: Input, old: Input) -> Input:
    """Returns an input that is scaled as before; the transform graph may subtract another offset now."""
    if new.kind != "numeric" or new.moments:
        return new
    shift = old.offset - new.offset
    boundaries = tuple(boundary + shift for boundary in old.boundaries)
    return dataclasses.replace(new, mean=old.mean + shift, std=old.std, boundaries=boundaries)


def _weights(model: str, places: Sequence[int]) -> list[np.ndarray]:
    """Returns variables of a SavedModel that `models.serving.export` wrote, by their places there."""
    reader = tf.train.load_checkpoint(str(pathlib.Path(model, "variables", "variables")))
    return [reader.get_tensor(f"variables_/{place}/.ATTRIBUTES/VARIABLE_VALUE") for place in places]


def _adapted(
    network: keras.Model, weights: list[np.ndarray], inputs: tuple[Input, ...], before: tuple[Input, ...]
) -> list[np.ndarray]:
    """Returns the weights, with the rows of the embeddings in the order of the new categories."""
    if len(weights) != len(network.weights):
        return weights
    places = {id(weight): place for place, weight in enumerate(network.weights)}
    kinds = {name: kind for kind, name in _EMBEDDINGS.items()}
    for layer in (layer for layer in network.layers if isinstance(layer, FusedEmbedding) and layer.name in kinds):
        new, old = (of_kind(some, kinds[layer.name]) for some in (inputs, before))
        place = places[id(layer.table.embeddings)]
        starts = np.cumsum([0, *(one.size for one in old[:-1])])
        rows = [start + _rows(*pair) for start, *pair in zip(starts, new, old, strict=True)]
        weights[place] = weights[place][np.concatenate(rows)]
    return weights


def _rows(new: Input, old: Input) -> np.ndarray:
    """Returns for each index of an input the one that it had; a new category has the index of unknown ones.

    After the categories come the hash buckets, and last missing values; in `tokens` padding comes first.
    """
    if (new.values, new.size) == (old.values, old.size):
        return np.arange(new.size)
    known = {value: place for place, value in enumerate(old.values)}
    categories = [known.get(value, len(known)) for value in new.values]
    first, buckets = len(known), old.size - len(known) - 1
    hashed = [first + bucket % buckets for bucket in range(new.size - len(new.values) - 1)]
    if new.kind == "tokens":
        return np.array([0, *(place + 1 for place in (*categories, *hashed))])
    return np.array([*categories, *hashed, first + buckets])
