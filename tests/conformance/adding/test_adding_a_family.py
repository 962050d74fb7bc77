"""The family of docs/adding/family.md works as it stands there."""

import numpy as np

from core.config.sections import Train
from core.spec import Input, Label, Spec
from models import families
from models.preprocessing.rows import TransformedRows
from tests.conformance.adding import documents


def test_the_family_is_found_trained_and_checked(tmp_path, monkeypatch):
    name = documents.add("family.md", families.FAMILIES, tmp_path, monkeypatch)
    families.check(name, {"units": 32})
    x = np.random.default_rng(0).random([256, 1], np.float32)
    rows = TransformedRows({"numeric": x}, (x[:, 0] > 0.5).astype(np.int64))
    spec = Spec(Label("y", "binary", "int", ("0", "1")), (), family=name)
    inputs = (Input("x", "numeric", mean=0.5, std=0.3),)
    trained = families.FAMILIES[name].fit(spec, inputs, families.FAMILIES[name].defaults(), rows, rows, Train(epochs=5))
    assert trained.metrics["auc"] > 0.9
