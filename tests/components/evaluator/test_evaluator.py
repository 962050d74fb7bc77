"""The Evaluator on tiny splits and formula models, with real Beam and TFMA."""

import json
import pathlib

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.evaluators import metrics_plots_and_validations_evaluator
from tensorflow_model_analysis.extractors import slice_key_extractor, unbatch_extractor
from tensorflow_model_analysis.proto import config_pb2
from tfx.types import standard_artifacts

from components.evaluator import batch_inference, evaluation_pipeline, explanation
from components.evaluator.component import Evaluator
from core import examples
from core.config.sections import Evaluate
from core.errors import UserError
from core.spec import Feature, Label, Spec
from models.evaluation import stored_predictions
from models.serving import model_versions
from tests.components import data_stages, served_models

pytestmark = pytest.mark.slow

SPEC = Spec(
    label=Label("bought", "binary", "text", ("no", "yes")),
    features=(Feature("age", "numeric", "float"), Feature("town", "categorical", "text")),
)
FEATURES = {"age": tf.float64, "town": tf.string}


def _write(uri: pathlib.Path, split: str, ages: list[float], towns: list[str | None], labels: list[str]) -> None:
    schema = examples.arrow_schema({"age": "float", "town": "text", "bought": "text"})
    columns = {
        "age": [[age] for age in ages],
        "town": [None if town is None else [town.encode()] for town in towns],
        "bought": [[label.encode()] for label in labels],
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


def _saved(model) -> str:
    return str(pathlib.Path(model.uri, "Format-Serving"))


def _run(folder: pathlib.Path, options: dict, spec: Spec = SPEC, champion: str = "", **inputs):
    outputs = {
        "evaluation": _artifact(standard_artifacts.ModelEvaluation, folder / "evaluation", 10),
        "blessing": _artifact(standard_artifacts.ModelBlessing, folder / "blessing", 11),
    }
    evaluate = Evaluate.model_validate(options).model_dump_json()
    evaluation, blessing = data_stages.run(
        Evaluator, inputs, outputs, spec=spec.to_json(), evaluate=evaluate, champion=champion
    )
    report = json.loads(evaluation.get_string_custom_property("report"))
    return evaluation, blessing, report["summary"] | {"warnings": report["warnings"]}


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
        {
            "slices": [["town"]],
            "gates": {"auc": {"min": 0.7, "slice_min": 0.6}},
            "sensitive": [["town"]],
            "max_gaps": {"true_positive_rate": 0.3},
        },
        examples=parts["examples"],
        model=parts["good"],
        baseline_model=parts["poor"],
        champion=_saved(parts["blind"]),
    )


def test_good_candidate_is_blessed_in_the_stock_form(good_run):
    _, blessing, report = good_run
    assert [gate["name"] for gate in report["gates"] if gate["passed"]] == [
        "constant", "linear", "champion", "auc min", "auc slice_min", "true_positive_rate gap",
    ]  # fmt: skip
    assert blessing.get_int_custom_property("blessed") == 1
    assert blessing.get_int_custom_property("current_model_id") == 2
    assert blessing.get_string_custom_property("baseline_model").endswith("blind/Format-Serving")
    assert [path.name for path in pathlib.Path(blessing.uri).iterdir()] == ["BLESSED"]


def test_explanation_has_all_parts(good_run):
    evaluation, _, report = good_run
    found = json.loads((pathlib.Path(evaluation.uri) / "explanation.json").read_text())
    assert "errors" not in found
    assert set(found["intervals"]) == {"candidate", "linear", "champion", "constant"}
    assert 0.01 < found["intervals"]["candidate"]["auc"] < 0.1
    assert found["differences"]["constant"]["gain"] == pytest.approx(report["metrics"]["test"]["auc"] - 0.5)
    assert [part["name"] for part in found["slices"]] != []
    assert [(group["name"], group["rows"]) for group in found["groups"]] == [
        ("town = Bonn", 134), ("town = (missing)", 133), ("town = Köln", 133),
    ]  # fmt: skip
    assert found["staleness"] == {}
    assert all(0 < part["half_widths"]["auc"] < 0.2 for part in found["slices"])
    assert all(part["rivals"].keys() == {"linear", "champion", "constant"} for part in found["slices"])
    assert all(part["rivals"]["constant"] == 0.5 for part in found["slices"])
    assert [one["feature"] for one in found["importance"]] == ["age", "town"]
    assert found["importance"][1]["loss"] == 0
    assert found["dependence"]["of"] == "yes"
    by_age = found["dependence"]["features"][0]
    assert by_age["mean"] == pytest.approx(by_age["positions"], abs=1e-5), "the model predicts the age"
    assert found["interactions"][0]["strength"] == pytest.approx(0, abs=1e-3)
    assert len(found["worst_rows"]) == 20
    first = found["worst_rows"][0]
    assert float(first["features"]["age"]) == pytest.approx(
        first["score_of_label"] if first["label"] == "yes" else 1 - first["score_of_label"], abs=1e-4
    )


def test_part_of_the_explanation_that_fails_is_recorded(good_run, parts, tmp_path):
    evaluation, _, _ = good_run
    loaded = evaluation_pipeline.load(evaluation.uri, ["candidate", "constant"], SPEC, Evaluate())
    split = str(pathlib.Path(parts["examples"].uri) / "Split-test")
    explanation.write(str(tmp_path), loaded, "", split, str(tmp_path / "no model"), SPEC)
    found = json.loads((tmp_path / "explanation.json").read_text())
    assert "holds no saved_model.pb" in found["errors"]["sample"]
    assert "roc" in found["curves"]


def test_finding_names_metric_and_rivals(good_run):
    evaluation, _, report = good_run
    auc = report["metrics"]["test"]["auc"]
    assert evaluation.get_string_custom_property("finding").startswith(f"test auc {auc:.3f} · linear 0.")
    assert evaluation.get_string_custom_property("finding").endswith(" · champion 0.500 · constant 0.500 · blessed")
    assert list(report["baselines"]) == ["linear", "champion", "constant"]
    assert report["baselines"]["constant"]["log_loss"] == pytest.approx(_constant_log_loss(evaluation), abs=1e-6)


def _constant_log_loss(evaluation) -> float:
    """One in four of train says yes, so that is what the constant says everywhere."""
    labels = stored_predictions.load(evaluation_pipeline.predictions_folder(evaluation.uri), ["constant"]).labels
    return float(np.mean(np.where(labels == 1, -np.log(0.25), -np.log(0.75))))


def test_tfma_reads_overall_and_sliced_metrics(good_run):
    evaluation, _, report = good_run
    found = dict(tfma.load_eval_result(evaluation.uri, model_name="candidate").slicing_metrics)
    assert set(found) == {(), (("town", "Bonn"),), (("town", "Köln"),), (("town", "(missing)"),)}
    assert found[()][""][""]["auc"]["doubleValue"] == report["metrics"]["test"]["auc"]
    assert found[(("town", "Bonn"),)][""][""]["example_count"]["doubleValue"] == 134


@pytest.mark.slow
def test_area_agrees_with_that_of_tfma(good_run, tmp_path):
    """TFMA's own metric, fed row by row with the predictions that the stage kept."""
    evaluation, _, report = good_run
    rows = stored_predictions.load(evaluation_pipeline.predictions_folder(evaluation.uri), ["candidate"])
    config = config_pb2.EvalConfig(
        model_specs=[config_pb2.ModelSpec(label_key="bought")],
        slicing_specs=[config_pb2.SlicingSpec()],
        metrics_specs=[config_pb2.MetricsSpec(metrics=[config_pb2.MetricConfig(class_name="AUC")])],
    )
    extracts = {
        tfma.LABELS_KEY: rows.labels,
        tfma.PREDICTIONS_KEY: rows.by_model["candidate"][:, 1],
        tfma.FEATURES_KEY: {},
    }
    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        _ = (
            pipeline
            | beam.Create([extracts], reshuffle=False)
            | tfma.ExtractEvaluateAndWriteResults(
                eval_config=config,
                output_path=str(tmp_path),
                extractors=[unbatch_extractor.UnbatchExtractor(), slice_key_extractor.SliceKeyExtractor()],
                evaluators=[metrics_plots_and_validations_evaluator.MetricsPlotsAndValidationsEvaluator(config)],
            )
        )
    ((_, found),) = tfma.load_eval_result(str(tmp_path)).slicing_metrics
    assert found[""][""]["auc"]["doubleValue"] == pytest.approx(report["metrics"]["test"]["auc"], abs=1e-3)


@pytest.mark.slow
def test_candidate_that_sees_nothing_is_not_blessed_and_raises_nothing(parts, tmp_path):
    """Slices of both town and of one class only, a champion that does not fit, and a limit not reached."""
    stranger = tmp_path / "stranger"
    served_models.save(
        stranger / "Format-Serving", lambda columns: columns["size"], {"size": tf.float64}, ("no", "yes")
    )
    evaluation, blessing, report = _run(
        tmp_path,
        {"slices": [["town", "bought"]], "gates": {"auc": {"min": 0.7, "max": None}}},
        examples=parts["examples"],
        model=parts["blind"],
        baseline_model=parts["good"],
        champion=str(stranger / "Format-Serving"),
    )
    assert [gate["name"] for gate in report["gates"]] == ["constant", "linear", "auc min"]
    assert not any(gate["passed"] for gate in report["gates"])
    assert report["warnings"] == ["The champion is not compared: it takes features that the data no longer has (size)."]
    assert blessing.get_int_custom_property("blessed") == 0
    assert [path.name for path in pathlib.Path(blessing.uri).iterdir()] == ["NOT_BLESSED"]
    found = dict(tfma.load_eval_result(evaluation.uri, model_name="candidate").slicing_metrics)
    one_class = found[(("town", "Bonn"), ("bought", "yes"))][""][""]
    assert "auc" not in one_class
    assert one_class["log_loss"]["doubleValue"] == pytest.approx(-np.log(0.25))


@pytest.mark.slow
def test_slice_with_too_many_values_is_the_users_error(parts, tmp_path, monkeypatch):
    monkeypatch.setattr(batch_inference, "MAX_SLICES", 100)
    with pytest.raises(UserError, match=r"The slice \['age'\] of `evaluate` has more than 100 values"):
        _run(tmp_path, {"slices": [["age"]]}, examples=parts["examples"], model=parts["good"])


def test_newest_of_the_versions_is_the_champion(parts, tmp_path):
    base = tmp_path / "serving"
    for name in ("blind", "poor"):
        model_versions.push(pathlib.Path(_saved(parts[name])), base, {})
    _, blessing, report = _run(tmp_path, {}, examples=parts["examples"], model=parts["good"], champion=str(base))
    assert blessing.get_string_custom_property("baseline_model") == str(base / "2")
    assert [gate["name"] for gate in report["gates"]] == ["constant", "champion"]
    assert report["baselines"]["champion"]["auc"] != 0.5, "the first version sees nothing"


def test_folder_without_versions_gives_no_champion(parts, tmp_path):
    (tmp_path / "serving").mkdir()
    folders = {"champion": str(tmp_path / "serving"), "examples": parts["examples"]}
    _, blessing, report = _run(tmp_path, {}, model=parts["good"], **folders)
    assert not blessing.has_custom_property("baseline_model")
    assert (list(report["baselines"]), report["warnings"]) == (["constant"], [])


@pytest.mark.parametrize(
    ("features", "classes", "message"),
    [
        ({"age": tf.float64, "town": tf.float64}, ("no", "yes"), "it takes features whose type has changed (town)"),
        (FEATURES, ("yes", "no"), "it predicts other classes"),
    ],
)
def test_champion_of_other_types_or_classes_is_left_out(parts, tmp_path, features, classes, message):
    path = served_models.save(tmp_path / "champion", lambda columns: columns["age"], features, classes)
    _, _, report = _run(tmp_path, {}, examples=parts["examples"], model=parts["good"], champion=path)
    assert report["warnings"] == [f"The champion is not compared: {message}."]
    assert [gate["name"] for gate in report["gates"]] == ["constant"]


def test_linear_candidate_has_no_linear_rival_and_test_split_without_rows_fails(parts, tmp_path):
    uri = tmp_path / "examples"
    _write(uri, "train", [0.1, 0.9], ["Bonn"] * 2, ["no", "yes"])
    (uri / "Split-test").mkdir()
    linear = Spec(SPEC.label, SPEC.features, family="linear")
    evaluation, blessing, report = _run(
        tmp_path, {}, linear, examples=_examples(uri), model=parts["good"], baseline_model=parts["poor"]
    )
    assert [(gate["name"], gate["passed"]) for gate in report["gates"]] == [("test split", False)]
    assert evaluation.get_string_custom_property("finding") == "not blessed"
    found = json.loads((pathlib.Path(evaluation.uri) / "explanation.json").read_text())
    assert found == {"error": "The test split has no rows. Give it a fraction in `split`."}
    assert blessing.get_int_custom_property("blessed") == 0


@pytest.mark.slow
def test_regression_with_weights_and_a_repeated_slice(tmp_path):
    """Ten rows by hand: the model is off by 1 where the weight is 1, and right where it is 3."""
    spec = Spec(
        label=Label("price", "regression", "float"),
        features=(Feature("size", "numeric", "float"),),
        weight="count",
        family="linear",
    )
    sizes = [float(index) for index in range(10)]
    columns = {
        "size": [[size] for size in sizes],
        "count": [[1.0] if index % 2 else [3.0] for index in range(10)],
        "price": [[size - 1 if index % 2 else size] for index, size in enumerate(sizes)],
        "tags": [[b"old", b"dear"] if index < 4 else [b"old"] if index < 9 else None for index in range(10)],
    }
    schema = examples.arrow_schema({"size": "float", "count": "float", "price": "float", "tags": "text"})
    for split in ("train", "test"):
        with examples.SplitWriter(str(tmp_path / "examples" / f"Split-{split}" / "part.parquet"), schema) as writer:
            writer.write(pa.table(columns, schema))
    served_models.save(tmp_path / "model" / "Format-Serving", lambda rows: rows["size"], {"size": tf.float64})
    evaluation, _, report = _run(
        tmp_path,
        {"slices": [["tags"]], "gates": {"rmse": {"max": 0.6}}},
        spec,
        examples=_examples(tmp_path / "examples"),
        model=_artifact(standard_artifacts.Model, tmp_path / "model", 2),
    )
    assert report["metrics"]["test"]["rmse"] == pytest.approx(np.sqrt(5 / 20))
    mean = (3 * (0 + 2 + 4 + 6 + 8) + (0 + 2 + 4 + 6 + 8)) / 20
    expected = np.sqrt(sum(4 * (price - mean) ** 2 for price in (0, 2, 4, 6, 8)) / 20)
    assert report["baselines"]["constant"]["rmse"] == pytest.approx(expected)
    assert [(gate["name"], gate["passed"]) for gate in report["gates"]] == [("constant", True), ("rmse max", True)]
    found = dict(tfma.load_eval_result(evaluation.uri, model_name="candidate").slicing_metrics)
    counts = {key: value[""][""]["example_count"]["doubleValue"] for key, value in found.items()}
    assert counts == {(): 10, (("tags", "old"),): 9, (("tags", "dear"),): 4, (("tags", "(missing)"),): 1}


@pytest.mark.slow
def test_three_classes(tmp_path):
    spec = Spec(Label("kind", "multiclass", "int", ("0", "1", "2")), (Feature("size", "numeric", "float"),))
    kinds = [index % 3 for index in range(60)]
    schema = examples.arrow_schema({"size": "float", "kind": "int"})
    for split in ("train", "test"):
        table = pa.table({"size": [[float(kind)] for kind in kinds], "kind": [[kind] for kind in kinds]}, schema)
        with examples.SplitWriter(str(tmp_path / "examples" / f"Split-{split}" / "part.parquet"), schema) as writer:
            writer.write(table)

    def formula(columns):
        return 0.7 * tf.one_hot(tf.cast(columns["size"], tf.int32), 3) + 0.1

    served_models.save(tmp_path / "model" / "Format-Serving", formula, {"size": tf.float64}, spec.label.classes)
    _, _, report = _run(
        tmp_path,
        {},
        spec,
        examples=_examples(tmp_path / "examples"),
        model=_artifact(standard_artifacts.Model, tmp_path / "model", 2),
    )
    assert report["metrics"]["test"]["log_loss"] == pytest.approx(-np.log(0.8), abs=1e-6)
    assert report["baselines"]["constant"]["log_loss"] == pytest.approx(np.log(3), abs=1e-6)
    assert report["metrics"]["test"]["accuracy"] == 1
