"""The Evaluator on tiny splits and formula models, with real Beam and TFMA."""

import json
import pathlib

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma
from tfx.dsl.components.base import base_beam_executor
from tfx.types import standard_artifacts

from components import evaluator, predicting
from models import examples
from models.spec import Feature, Label, Spec
from tests.components import served_models

SPEC = Spec(
    label=Label("bought", "binary", "text", ("no", "yes")),
    features=(Feature("age", "numeric", "float"), Feature("town", "categorical", "text")),
)
FEATURES = {"age": tf.float64, "town": tf.string}


def _write(uri: pathlib.Path, split: str, ages: list[float], towns: list[str | None], labels: list[str]) -> None:
    schema = examples.arrow_schema({"age": "float", "town": "text", "bought": "text"})
    columns = {
        "age": [[each] for each in ages],
        "town": [None if each is None else [each.encode()] for each in towns],
        "bought": [[each.encode()] for each in labels],
    }
    with examples.SplitWriter(str(uri / f"Split-{split}" / "part.parquet"), schema) as writer:
        writer.write(pa.table(columns, schema))


def _artifact(kind: type, uri: pathlib.Path, identity: int):
    artifact = kind()
    artifact.uri = str(uri)
    artifact.id = identity
    uri.mkdir(parents=True, exist_ok=True)
    return artifact


def _examples(uri: pathlib.Path):
    artifact = _artifact(standard_artifacts.Examples, uri, 1)
    artifact.splits = ["train", "eval", "test"]
    return artifact


def _model(folder: pathlib.Path, identity: int, formula):
    served_models.save(folder / "Format-Serving", formula, FEATURES, SPEC.label.classes)
    return _artifact(standard_artifacts.Model, folder, identity)


def _run(folder: pathlib.Path, options: dict, spec: Spec = SPEC, **inputs):
    evaluation = _artifact(standard_artifacts.ModelEvaluation, folder / "evaluation", 10)
    blessing = _artifact(standard_artifacts.ModelBlessing, folder / "blessing", 11)
    context = base_beam_executor.BaseBeamExecutor.Context(
        beam_pipeline_args=["--runner=FnApiRunner"], tmp_dir=str(folder), unique_id="1"
    )
    evaluator.Executor(context).Do(
        {key: [artifact] for key, artifact in inputs.items()},
        {"evaluation": [evaluation], "blessing": [blessing]},
        {"spec": spec.to_json(), "options": json.dumps(options), "fingerprint": ""},
    )
    return evaluation, blessing, json.loads(evaluation.get_string_custom_property("report"))


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """400 test rows whose label follows age, and models that see it well, badly and not at all."""
    folder = tmp_path_factory.mktemp("parts")
    random = np.random.default_rng(0)
    ages = random.uniform(0, 1, 400).round(3)
    labels = np.where(random.uniform(0, 1, 400) < ages, "yes", "no")
    towns = [["Bonn", "Köln", None][index % 3] for index in range(400)]
    _write(folder / "examples", "train", [0.1, 0.2, 0.3, 0.9], ["Bonn"] * 4, ["no", "no", "no", "yes"])
    _write(folder / "examples", "test", ages.tolist(), towns, labels.tolist())
    return {
        "examples": _examples(folder / "examples"),
        "good": _model(folder / "good", 2, lambda columns: columns["age"]),
        "poor": _model(folder / "poor", 3, lambda columns: tf.abs(columns["age"] - 0.3)),
        "blind": _model(folder / "blind", 4, lambda columns: 0.0 * columns["age"] + 0.25),
    }


@pytest.fixture(scope="module")
def good_run(parts, tmp_path_factory):
    return _run(
        tmp_path_factory.mktemp("good"),
        {"slices": [["town"]], "gates": {"auc": {"min": 0.7, "slice_min": 0.6}}},
        examples=parts["examples"],
        model=parts["good"],
        baseline_model=parts["poor"],
        blessed_model=parts["blind"],
    )


def test_good_candidate_is_blessed_in_the_stock_form(good_run):
    _, blessing, report = good_run
    assert [gate["name"] for gate in report["gates"] if gate["passed"]] == [
        "constant", "linear", "blessed", "auc min", "auc slice_min",
    ]  # fmt: skip
    assert blessing.get_int_custom_property("blessed") == 1
    assert blessing.get_int_custom_property("current_model_id") == 2
    assert blessing.get_int_custom_property("baseline_model_id") == 4
    assert [path.name for path in pathlib.Path(blessing.uri).iterdir()] == ["BLESSED"]


def test_finding_names_metric_and_rivals(good_run):
    evaluation, _, report = good_run
    auc = report["metrics"]["test"]["auc"]
    assert evaluation.get_string_custom_property("finding").startswith(f"test auc {auc:.3f} · linear 0.")
    assert evaluation.get_string_custom_property("finding").endswith(" · constant 0.500 · blessed")
    assert report["baselines"]["constant"]["log_loss"] == pytest.approx(_constant_log_loss(evaluation), abs=1e-6)


def _constant_log_loss(evaluation) -> float:
    """One in four of train says yes, so that is what the constant says everywhere."""
    labels = predicting.load(evaluator.predictions_folder(evaluation.uri), ["constant"]).labels
    return float(np.mean(np.where(labels == 1, -np.log(0.25), -np.log(0.75))))


def test_tfma_reads_overall_and_sliced_metrics(good_run):
    evaluation, _, report = good_run
    found = dict(tfma.load_eval_result(evaluation.uri, model_name="candidate").slicing_metrics)
    assert set(found) == {(), (("town", "Bonn"),), (("town", "Köln"),), (("town", "(missing)"),)}
    assert found[()][""][""]["auc"]["doubleValue"] == report["metrics"]["test"]["auc"]
    assert found[(("town", "Bonn"),)][""][""]["example_count"]["doubleValue"] == 134
