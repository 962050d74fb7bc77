"""Writes the transformed rows of the splits where the processes of the challengers read them."""

import contextlib
import json
import pathlib
import tempfile
from collections.abc import Iterator, Mapping

import numpy as np

from core.spec import Spec
from models.preprocessing import packing
from models.preprocessing.transform_graph import TransformGraph
from models.training import dataset

SPLITS = ("train", "eval", "test")


@contextlib.contextmanager
def written(splits: Mapping[str, str], graph_uri: str, spec: Spec) -> Iterator[tuple[pathlib.Path, list[str]]]:
    """Yields a temporary folder with the rows, as `components.challengers.fitting` reads them, and warnings.

    Args:
        splits: the folders of the splits of Examples by name.
        graph_uri: the transform graph.
        spec: the features and the label.

    Raises:
        UserError: a split has no rows, or the disk is full.
    """
    graph = TransformGraph(graph_uri, spec)
    texts = [packed.name for packed in packing.of_kind(graph.inputs, "tokens")]
    notes = [f"Challengers are not given texts, which are lists of tokens: {', '.join(texts)}."] if texts else []
    categoricals = packing.of_kind(graph.inputs, "categorical")
    description = {
        "task": spec.label.task,
        "classes": len(spec.label.classes),
        "numeric": [packed.name for packed in packing.of_kind(graph.inputs, "numeric")],
        "categorical": {packed.name: packed.size for packed in categoricals},
    }
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        (folder / "task.json").write_text(json.dumps(description), encoding="utf-8")
        for split in SPLITS:
            found = dataset.load(splits[split], graph)
            arrays = {kind: values for kind, values in found.features.items() if kind != "tokens"}
            arrays["label"] = found.labels
            if found.weights is not None:
                arrays["weight"] = found.weights
            for name, values in arrays.items():
                np.save(folder / f"{split}-{name}.npy", values)
        yield folder, notes
