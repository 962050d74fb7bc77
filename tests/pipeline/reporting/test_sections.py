"""Tests what single sections show, on literal statistics, trials and explanations."""

import pathlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tensorflow_metadata.proto.v0 import anomalies_pb2, statistics_pb2

from pipeline.reporting import column_statistics
from pipeline.reporting.blocks import Chart, Code, Fold, Grid, Table
from pipeline.reporting.sections import call, curves, data, lineage, metrics, search, slices, thresholds, worst_rows
from tests.pipeline.reporting import records


def flat(blocks):
    """Returns the blocks of a section, those of grids and folds included."""
    for block in blocks:
        yield block
        if isinstance(block, Grid | Fold):
            yield from flat(block.blocks)


def tables(section):
    return [block for block in flat(section.blocks) if isinstance(block, Table)]


def charts(section):
    return [block for block in flat(section.blocks) if isinstance(block, Chart)]


def test_metrics_stand_beside_those_of_the_rivals(tmp_path):
    on_test, gains, *_ = tables(metrics.build(records.evaluated(tmp_path)))
    assert on_test.rows == [
        ["this model", "0.900 [0.880, 0.920]"], ["linear", "0.800 [0.770, 0.830]"], ["constant", "0.5000"],
    ]  # fmt: skip
    assert gains.rows == [["linear", "0.100 [0.080, 0.120]"]]


def test_a_pushed_model_has_a_request_and_clients(tmp_path):
    record = records.with_executions(
        records.evaluated(tmp_path, serving={"path": "/models/my shop/3"}),
        records.execution("ServingValidator", tmp_path, "infra_blessing"),
    )
    clients = tmp_path / "artifacts/ServingValidator/infra_blessing/1/clients"
    clients.mkdir()
    (clients / "request.json").write_text('{"instances": [{"town": "Köln"}]}', encoding="utf-8")
    for name in ("rest_client.py", "grpc_client.py"):
        (clients / name).write_text("print()", encoding="utf-8")
    (clients / "openapi.json").write_text("1" * 5_000, encoding="utf-8")
    codes = [block.text for block in flat(call.build(record).blocks) if isinstance(block, Code)]
    assert codes == [
        '{"instances": [{"town": "Köln"}]}',
        "MODEL=shop sh '/models/my shop/3/assets.extra/clients/curl.sh' localhost:8501",
        "print()",
        "print()",
        "1" * 4_000 + "\n... the rest is in the file openapi.json",
    ]


def test_interval_of_an_area_ends_at_1(tmp_path):
    explanation = {"intervals": {"candidate": {"auc": 0.125}}}
    on_test, *_ = tables(metrics.build(records.evaluated(tmp_path, explanation)))
    assert on_test.rows[0] == ["this model", "0.90 [0.78, 1.00]"]


def test_thresholds_are_counted(tmp_path):
    (table,) = [
        block.table for block in thresholds.build(records.evaluated(tmp_path)).blocks if hasattr(block, "table")
    ]
    by_threshold = {row[0]: row[1:] for row in table.rows}
    assert by_threshold["0.45"] == ["50.0%", "50.0%", "100.0%", "6", "0"]
    assert by_threshold["0.50"] == ["75.0%", "80.0%", "66.7%", "1", "2"]


def test_slices_worst_rows_and_losses(tmp_path):
    record = records.evaluated(tmp_path)
    configured, found = tables(slices.build(record))
    assert configured.rows == [[f"{records.EVIL} = Bonn", "200", "0.700 [0.650, 0.750]"]]
    assert found.rows == [[f"{records.EVIL} = Ulm", "40", "0.50 [0.38, 0.62]"]]
    (rows,) = tables(worst_rows.build(record))
    assert rows.rows == [["7", records.EVIL, "yes", "0.0821", records.EVIL]]
    losses = charts(curves.build(record))[0]
    assert losses.table.rows == [["1", "0.5000", "0.5000"], ["2", "0.2500", "0.3750"]]


def test_each_class_has_a_curve_with_its_numbers(tmp_path):
    found = [
        {"class": "a", "roc": [[0, 0], [1, 1]], "precision_recall": [[0.5, 1], [1, 0.5]]},
        {"class": records.EVIL, "roc": [[0, 0], [0, 1], [1, 1]], "precision_recall": [[1, 1]]},
    ]
    record = records.evaluated(tmp_path, {"curves": {"by_class": found}}, {**records.CONFIG, "task": "multiclass"})
    _, roc, precision = charts(curves.build(record))
    assert roc.table.rows == [["a", "0", "0"], ["a", "1", "1"], [records.EVIL, "0", "0"], [records.EVIL, "0", "1"],
                              [records.EVIL, "1", "1"]]  # fmt: skip
    assert precision.table.rows == [["a", "0.5000", "1"], ["a", "1", "0.5000"], [records.EVIL, "1", "1"]]


def test_slices_show_all_models_on_the_same_rows(tmp_path):
    part = {"name": "town = Bonn", "rows": 200, "metrics": {"auc": 0.7}, "half_widths": {"auc": 0.05}}
    record = records.evaluated(tmp_path, {"slices": [{**part, "rivals": {"linear": 0.6, "tree": 0.75}}]})
    record.summary["challengers"] = {"tree": {}}
    _, by_model = tables(slices.build(record))
    assert by_model.header == ["slice", "this model", "linear", "challenger tree"]
    assert by_model.rows == [["town = Bonn", "0.7000", "0.6000", "0.7500"]]


def test_regression_has_residuals_and_no_threshold(tmp_path):
    explanation = {
        "curves": {
            "predicted_against_true": {"edges": [0, 2, 4], "cells": [[5, 0], [1, 4]]},
            "residuals": {"edges": [-1, 0, 1], "rows": [4, 6]},
            "deciles": [{"predicted": 1.5, "true": 1.25, "error": 0.5, "rows": 10}],
        }
    }
    record = records.evaluated(tmp_path, explanation, {**records.CONFIG, "task": "regression"})
    loss, rmse, scatter, residuals, deciles = charts(curves.build(record))
    assert [loss.table.header, rmse.table.header] == [
        ["epoch", "loss on train, of the scaled label"], ["epoch", "rmse on eval"],
    ]  # fmt: skip
    assert scatter.table.rows == [["3.0", "1", "4"], ["1.0", "5", "0"]]
    assert residuals.table.rows == [["-0.5", "4"], ["0.5", "6"]]
    assert deciles.table.rows == [["1.5", "1.25", "0.5000", "10"]]
    assert not thresholds.build(record).blocks, "so the report has no such section"


def trial(units, score, epochs=5, status="completed"):
    return {"hyperparameters": {"units": units, "layers": 2}, "status": status, "score": score, "epochs": epochs}


def test_search_shows_trials_and_what_was_stopped_early(tmp_path):
    trials = [trial(64, 0.7, status="chosen"), trial(128, 0.8), trial(256, None, None, "failed"), trial(32, 0.6)]
    tuner = records.execution("Tuner", tmp_path, "best_hyperparameters", trials=trials, metric="auc")
    section = search.build(records.with_executions(records.evaluated(tmp_path), tuner))
    best, _ = charts(section)
    assert best.table.rows == [["1", "0.7000", "0.7000"], ["2", "0.8000", "0.8000"], ["3", "0.6000", "0.8000"]]
    assert tables(section)[0].rows[0] == ["1", "64", "chosen, 5 epochs", "0.7000"]
    assert tables(section)[0].rows[2] == ["3", "256", "failed", ""]


def test_search_shows_the_members_of_an_ensemble_and_what_its_families_have_in_common(tmp_path):
    members = [
        {"family": "trees", "weight": 0.75, "hyperparameters": {"depth": 6, "learning_rate": 0.05}},
        {"family": "linear", "weight": 0.25, "hyperparameters": {}},
    ]
    trials = [trial(64, 0.7), {**trial(0, 0.8), "hyperparameters": {"layers": 3}}]
    tuner = records.execution("Tuner", tmp_path, "best_hyperparameters", trials=trials, metric="auc")
    record = records.with_executions(records.evaluated(tmp_path), tuner)
    record.summary["model"] = {"family": "ensemble", "members": members}
    shown, *_, found = tables(search.build(record))
    assert shown.rows[0] == ["1", "2", "completed, 5 epochs", "0.7000"]
    assert found.rows == [["trees", "depth 6, learning_rate 0.05", "0.7500"], ["linear", "", "0.2500"]]


def test_importance_of_hyperparameters_follows_the_score(tmp_path):
    trials = [trial(units, units / 1000) for units in range(100, 900, 100)]
    tuner = records.execution("Tuner", tmp_path, "best_hyperparameters", trials=trials, metric="auc")
    importance = charts(search.build(records.with_executions(records.evaluated(tmp_path), tuner)))[-1]
    assert importance.table.rows == [["units", "1"]]


def write_statistics(folder: pathlib.Path, split: str, towns: dict[str, int], missing: int) -> None:
    found = statistics_pb2.DatasetFeatureStatisticsList()
    rows = sum(towns.values()) + missing
    whole = found.datasets.add(num_examples=rows)
    town = whole.features.add(type=statistics_pb2.FeatureNameStatistics.STRING)
    town.path.step.append(records.EVIL)
    town.string_stats.common_stats.num_missing = missing
    for value, count in towns.items():
        town.string_stats.rank_histogram.buckets.add(label=value, sample_count=count)
    age = whole.features.add(type=statistics_pb2.FeatureNameStatistics.FLOAT)
    age.path.step.append("age")
    age.num_stats.mean = 30
    histogram = age.num_stats.histograms.add(type=statistics_pb2.Histogram.STANDARD)
    histogram.buckets.add(low_value=0, high_value=60, sample_count=rows)
    path = folder / f"Split-{split}" / "FeatureStats.pb"
    path.parent.mkdir(parents=True)
    path.write_bytes(found.SerializeToString())


def test_data_shows_rows_rejects_drift_and_distributions(tmp_path):
    examples = records.execution(
        "ExampleGen", tmp_path, "examples", rows={"train": 8, "test": 2}, rejects=1, read=12, left_out=1
    )
    pq.write_table(
        pa.table({"file": ["a.csv"], "line": [3], "reason": ["too many fields"], "text": [records.EVIL]}),
        tmp_path / "artifacts/ExampleGen/examples/1/rejects.parquet",
    )
    statistics = records.execution("StatisticsGen", tmp_path, "statistics")
    folder = tmp_path / "artifacts/StatisticsGen/statistics/1"
    write_statistics(folder, "train", {"Bonn": 6}, 2)
    write_statistics(folder, "test", {"Bonn": 1, "Ulm": 1}, 0)
    validator = records.execution("ExampleValidator", tmp_path, "anomalies", overlap={"test": 1, "eval": 0})
    anomalies = anomalies_pb2.Anomalies()
    info = anomalies.drift_skew_info.add()
    info.path.step.append("age")
    info.drift_measurements.add(value=0.125, threshold=0.25)
    path = tmp_path / "artifacts/ExampleValidator/anomalies/1/Split-test/SchemaDiff.pb"
    path.parent.mkdir()
    path.write_bytes(anomalies.SerializeToString())
    record = records.with_executions(records.evaluated(tmp_path), examples, statistics, validator)
    section = data.build(record)
    rows, rejects, distances, profile = tables(section)
    assert [row[1] for row in rows.rows] == ["8", "2", "12", "1", "1"]
    assert rejects.rows == [["a.csv", "3", "too many fields", records.EVIL]]
    assert distances.rows == [["age", "test", "earlier data", "0.1250", "0.2500"]]
    assert [row[-3:] for row in profile.rows] == [["25.0%", "", "0.0%"], ["0.0%", "", "0.0%"]]
    town, age = charts(section)
    assert town.table.rows == [["Bonn", "75.0%", "50.0%"], ["Ulm", "0.0%", "50.0%"]]
    assert [row[1] for row in age.table.rows] == ["8.3%"] * 12
    assert any("1 of test" in getattr(block, "text", "") for block in section.blocks)


def test_bins_have_all_rows():
    quantiles = [(0.0, 0.0, 5.0), (0.0, 1.0, 5.0), (1.0, 4.0, 5.0), (4.0, 9.0, 5.0), (9.0, 1000.0, 5.0)]
    columns = {
        "train": column_statistics.ColumnStatistics(0, {}, {}, quantiles),
        "test": column_statistics.ColumnStatistics(0, {}, {}, [(2.0, 2.0, 4.0)]),
    }
    names, shares = column_statistics.shares(columns)
    assert len(names) == 12
    assert sum(shares["train"]) == pytest.approx(1)
    assert sum(shares["test"]) == pytest.approx(1)
    assert max(shares["test"]) == 1, "all rows have one value"


def test_lineage_has_the_command_that_repeats_the_run(tmp_path):
    (tmp_path / "config.yaml").write_text("name: shop\n")
    section = lineage.build(records.evaluated(tmp_path))
    codes = [block.text for block in flat(section.blocks) if block.name == "code"]
    assert codes[0].endswith(f"python pipeline/run_local.py {tmp_path}/config.yaml --out {tmp_path}-again")
    assert codes[1] == "name: shop\n"
