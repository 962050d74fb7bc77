"""The search algorithm of docs/adding/search.md works as it stands there."""

import numpy as np
import pytest

from core.config.sections import Tune
from core.spec import Input, Label, Spec
from models import families
from models.preprocessing.rows import TransformedRows
from models.tuning import searches
from models.tuning.search import Search
from pipeline.config import registries
from tests.conformance.adding import documents

pytestmark = pytest.mark.slow


def test_the_search_makes_its_trials(tmp_path, monkeypatch):
    name = documents.add("search.md", searches.SEARCHES, tmp_path, monkeypatch)
    assert name in registries.accepted(("tune", "algorithm"))
    x = np.random.default_rng(0).random([64, 1], np.float32)
    rows = TransformedRows({"numeric": x}, (x[:, 0] > 0.5).astype(np.int64))
    spec = Spec(Label("y", "binary", "int", ("0", "1")), (), family="linear")
    inputs = (Input("x", "numeric", mean=0.5, std=0.3),)
    tune = Tune(algorithm=name, trials=3, epochs=1)
    search = Search(spec, inputs, rows, rows, tune, "name", str(tmp_path / "trials"))
    search.search(verbose=0)
    assert search.num_completed() == 3
    first = search.oracle.trials[search.oracle.start_order[0]]
    assert first.hyperparameters.values == families.FAMILIES["linear"].defaults()
