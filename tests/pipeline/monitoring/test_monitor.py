"""`monitor.py` with a formula model, on requests made to drift."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline import monitor
from tests.pipeline.monitoring import made


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    """The folder of the versions of the model."""
    return made.push(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def price(tmp_path_factory):
    """The same for a model of numbers, whose errors grow with age."""
    return made.push(tmp_path_factory.mktemp("price"), made.PRICE)


@pytest.fixture(scope="module")
def trained_with_limits(tmp_path_factory):
    """A version of it whose configuration has a limit."""
    return made.push(tmp_path_factory.mktemp("limits"), validate={"drift": {"features": {"age": 0.01}}})


def _report(serving, folder, capsys, table, *more):
    pq.write_table(table.drop_columns(["bought", "price"]), folder / "requests.parquet")
    arguments = ["--model", str(serving), "--requests", str(folder / "requests.parquet"), "--json", *more]
    code = monitor.main(arguments)
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.slow
def test_requests_like_train_pass(serving, tmp_path, capsys):
    code, report = _report(serving, tmp_path, capsys, made.rows(10_000, 20))
    assert (code, report["alarms"], report["rows"]) == (0, [], 10_000)


@pytest.mark.slow
def test_a_feature_that_matters_raises_an_alarm(serving, tmp_path, capsys):
    code, report = _report(serving, tmp_path, capsys, made.rows(10_000, 21, age=0.5))
    assert code == 3
    assert {name: found["state"] for name, found in report["features"].items()} == {
        "age": "alarm",
        "noise": "ok",
        "town": "ok",
    }
    assert report["features"]["age"]["share_of_change"] == 1
    assert report["alarms"][0].startswith("'age' drifted: its jensen shannon distance from train is 0.04")


@pytest.mark.slow
def test_a_feature_that_does_not_matter_raises_none(serving, tmp_path, capsys):
    table = made.rows(10_000, 22)
    place = table.schema.get_field_index("noise")
    table = table.set_column(place, "noise", [np.asarray(table["noise"]) + 1])
    code, report = _report(serving, tmp_path, capsys, table)
    assert (code, report["features"]["noise"]["state"], report["features"]["noise"]["prediction_change"]) == (
        0,
        "drift",
        0,
    )


@pytest.mark.slow
def test_drift_that_no_single_feature_shows(serving, tmp_path, capsys):
    table = made.rows(10_000, 23)
    place = table.schema.get_field_index("noise")
    ages, noise = np.asarray(table["age"]), np.sort(np.asarray(table["noise"]))
    table = table.set_column(place, "noise", [noise[np.argsort(np.argsort(ages))]])
    code, report = _report(serving, tmp_path, capsys, table)
    assert (code, report["features"]["noise"]["state"], report["joint_drift"]["drifted"]) == (3, "ok", True)


@pytest.mark.slow
def test_quality_with_late_labels_and_its_estimate(serving, tmp_path, capsys):
    table = made.rows(10_000, 24, age=1.0)
    pq.write_table(table.select(["id", "bought"]).slice(0, 4_000), tmp_path / "labels.parquet")
    more = ["--labels", str(tmp_path / "labels.parquet"), "--key", "id"]
    _, report = _report(serving, tmp_path, capsys, table, *more)
    assert report["quality"]["rows"] == 4_000
    assert "4,000 of 4,000 labels belong to one of the requests" in report["notes"]
    whole = made.rows(100_000, 25, age=1.0)
    scores = made.score(np.asarray(whole["age"]), np.asarray(whole["town"]) == "ulm")
    from models.evaluation import metrics

    true = metrics.compute("binary", np.asarray(whole["bought"]), np.asarray(scores))["auc"]
    assert report["estimated_quality"]["metrics"]["auc"] == pytest.approx(true, abs=0.02)
    assert report["quality"]["metrics"]["auc"] == pytest.approx(true, abs=0.03)


@pytest.mark.slow
def test_the_loss_of_a_regression_is_estimated(price, tmp_path, capsys):
    table = made.rows(10_000, 26, age=0.5)
    code, report = _report(price, tmp_path, capsys, table)
    # The spread of the label is exp(age / 2), so mae is sqrt(2 / pi) E exp(age / 2) with age of mean 0.5.
    true = np.sqrt(2 / np.pi) * np.exp(0.25 + 0.125)
    assert report["estimated_quality"]["metrics"]["mae"] == pytest.approx(true, rel=0.1)
    assert code == 3


def test_pages_metrics_and_times(serving, tmp_path, capsys):
    table = made.rows(1_000, 27)
    times = np.datetime64("2026-03-01T10:20:00") + np.arange(1_000) * np.timedelta64(5, "s")
    files = ["--time", "time", "--html", str(tmp_path / "page.html"), "--prometheus", str(tmp_path / "skewless.prom")]
    _, report = _report(serving, tmp_path, capsys, table.append_column("time", [times]), *files)
    windows = report["requests"]["windows"]
    assert {time: window["requests"] for time, window in windows.items()} == {
        "2026-03-01T10:00:00": 480,
        "2026-03-01T11:00:00": 520,
    }
    first = made.score(np.asarray(table["age"]), np.asarray(table["town"]) == "ulm")[:480]
    assert windows["2026-03-01T10:00:00"]["mean_prediction"] == pytest.approx(first.mean(), abs=1e-6)
    assert set(windows["2026-03-01T10:00:00"]["distances"]) == {"age", "noise", "town"}
    lines = (tmp_path / "skewless.prom").read_text().splitlines()
    assert {"skewless_requests 1000", 'skewless_feature_alarm{feature="age"} 0'} <= set(lines)
    page = (tmp_path / "page.html").read_text()
    assert "No limit is passed." in page
    assert page.count("<svg") == 3  # distances, requests and mean prediction by hour


@pytest.mark.slow
def test_one_day_of_ten_raises_an_alarm_of_its_own(serving, tmp_path, capsys):
    """Over all days, the shift is too small for an alarm: 0.003 of the cumulative distribution."""
    usual, other = made.rows(19_700, 40), made.rows(300, 41, age=1.0)
    table = pa.concat_tables([usual, other])
    days = np.concatenate([np.arange(19_700) % 9, np.full(300, 9)])
    times = np.datetime64("2026-03-01") + days * np.timedelta64(1, "D")
    code, report = _report(serving, tmp_path, capsys, table.append_column("time", [times]), "--time", "time")
    assert (code, report["features"]["age"]["state"]) == (3, "ok")
    assert report["requests"]["unit"] == "day"
    feature, predictions = report["alarms"]
    assert feature.startswith("in the day from 2026-03-10 00:00 UTC, 'age' drifted: its jensen shannon distance ")
    assert predictions.startswith("in the day from 2026-03-10 00:00 UTC, the predictions drifted: the mean of ")


def test_the_terminal_shows_features_and_alarms(serving, tmp_path, capsys):
    pq.write_table(made.rows(2_000, 28, missing=0.5), tmp_path / "requests.parquet")
    assert monitor.main(["--model", str(serving), "--requests", str(tmp_path / "requests.parquet")]) == 3
    printed = capsys.readouterr().out
    assert "2,000 requests beside what " in printed
    assert "alarm: 'age' drifted: it is missing in 50" in printed


def test_a_model_that_is_too_old_raises_an_alarm(serving, tmp_path, capsys):
    code, report = _report(serving, tmp_path, capsys, made.rows(200, 29), "--max-age", "0")
    assert code == 3
    assert report["alarms"] == ["the model was pushed 0.0 days ago, and at most 0 are allowed"]


def test_labels_need_a_key(serving, tmp_path, capsys):
    arguments = ["--model", str(serving), "--requests", "x.parquet", "--labels", "y.parquet"]
    assert monitor.main(arguments) == 2
    assert capsys.readouterr().err.startswith("error: --labels and --key belong together")


def test_a_limit_holds_for_more_than_chance(trained_with_limits, tmp_path, capsys):
    assert _report(trained_with_limits, tmp_path, capsys, made.rows(20, 30))[0] == 0
    code, report = _report(trained_with_limits, tmp_path, capsys, made.rows(1_000, 31, age=0.5))
    assert code == 3
    assert report["features"]["age"]["limit"] == 0.01
    assert report["alarms"][0].startswith("'age' drifted: its jensen shannon distance from train is 0.0")
    assert ", and at most 0.01 is allowed" in report["alarms"][0]
