"""`push.py --compare`: a canary beside the stable version, on requests with and without labels."""

import pathlib

import numpy as np
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from models.serving import model_versions, version_changes
from pipeline import push
from tests.components import served_models
from tests.pipeline.monitoring import made

pytestmark = pytest.mark.slow


def _canary(serving: pathlib.Path, folder: pathlib.Path, change) -> None:
    """Pushes a model whose scores are changed ones of the stable version, and makes it the canary."""
    version = model_versions.find_version(serving)
    extra = {
        str(file.relative_to(version)): file.read_bytes()
        for file in (version / "assets.extra").rglob("*")
        if file.is_file()
    }
    types = {"age": tf.float64, "noise": tf.float64, "town": tf.string}
    model = served_models.save(
        folder / "other", lambda columns: change(made._formula(columns)), types, made.SPEC.label.classes
    )
    pushed = model_versions.push(pathlib.Path(model), serving, extra).version
    version_changes.rollback(serving)
    version_changes.promote(serving, str(pushed), "canary")


def _compare(serving, folder, capsys, *more) -> tuple[int, list[str]]:
    table = made.rows(5_000, 50)
    pq.write_table(table.drop_columns(["bought", "price"]), folder / "requests.parquet")
    pq.write_table(table.select(["id", "bought"]).slice(0, 4_000), folder / "labels.parquet")
    code = push.main(["--model", str(serving), "--compare", str(folder / "requests.parquet"), *more])
    captured = capsys.readouterr()
    return code, (captured.out + captured.err).splitlines()


def test_scores_of_nine_tenths_rank_the_requests_as_before(tmp_path, capsys):
    serving = made.push(tmp_path)
    assert _compare(serving, tmp_path, capsys) == (
        2,
        [f"error: --compare: {serving} has no canary. --promote VERSION --as canary makes one."],
    )
    _canary(serving, tmp_path, lambda yes: 0.9 * yes)
    code, lines = _compare(serving, tmp_path, capsys, "--labels", str(tmp_path / "labels.parquet"), "--key", "id")
    rows = made.rows(5_000, 50)
    scores = made.score(np.asarray(rows["age"]), np.asarray(rows["town"]) == "ulm")
    others = ((scores > 0.5) != (0.9 * scores > 0.5)).mean()
    assert code == 0
    assert lines[:3] == [
        "5,000 requests: canary, version 2, beside stable, version 1",
        f"predictions differ by {0.1 * scores.mean():.4g} in the mean and by {0.1 * scores.max():.4g} at most; "
        f"{others:.1%} of the requests get another class",
        f"mean score of '1': {0.9 * scores.mean():.4g} by canary, {scores.mean():.4g} by stable",
    ]
    assert lines[3] == "with 4,000 labels:"
    assert lines[4].endswith(": not clearly better or worse (0.000 [0.000, 0.000])")


def test_a_canary_that_is_clearly_worse_ends_with_3(tmp_path, capsys):
    serving = made.push(tmp_path)
    _canary(serving, tmp_path, lambda yes: 1 - yes)
    labels = ["--labels", str(tmp_path / "labels.parquet"), "--key", "id"]
    code, lines = _compare(serving, tmp_path, capsys, *labels)
    assert code == 3
    assert ": worse by 0." in lines[4]
