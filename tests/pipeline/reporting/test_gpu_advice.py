"""Tests the advice on GPUs with made workloads; the expected seconds are worked out by hand."""

import pytest

from core.config.review import Gpu
from pipeline.reporting import gpu_advice


def run_of(seconds, tuner, trainer, time, gpus=0, state="ran"):
    stages = [
        {"name": "ExampleGen", "state": "ran", "seconds": seconds - tuner - trainer},
        {"name": "Tuner", "state": state, "seconds": tuner},
        {"name": "Trainer", "state": state, "seconds": trainer},
    ]
    return {"seconds": seconds, "stages": stages, "model": {"time": time}, "environment": {"gpus": gpus}}


def time(seconds, steps, step, given):
    return {"seconds": seconds, "steps": steps, "step": step, "input": given}


def test_long_training_moves():
    """90 % of 2,500 s are steps of 50 ms, which become 5 ms: 3,000 - 2,500 x 0.9 x 0.9 = 975 s."""
    advice = gpu_advice.advise(run_of(3000.0, 1500.0, 1000.0, time(1000, 18_000, 0.05, 0.001)), Gpu())
    assert advice["move"]
    assert advice["expected_run_s"] == 975.0
    assert advice["sentence"] == (
        "move to a GPU now: training is 83% of the run; a GPU would save about 34 min of 50 min, if its "
        "steps are 10 times faster"
    )


def test_prices_are_compared():
    """975 s at 3.6 an hour are 0.975; 3,000 s at 0.36 an hour are 0.30."""
    options = Gpu(price_per_hour=3.6, cpu_price_per_hour=0.36)
    advice = gpu_advice.advise(run_of(3000.0, 1500.0, 1000.0, time(1000, 18_000, 0.05, 0.001)), options)
    assert advice["sentence"].endswith("10 times faster, and cost 0.97 instead of 0.30")


def test_a_short_run_stays():
    """Half of 40 s are steps of 10 ms, which become 1 ms: 100 - 40 x 0.5 x 0.9 = 82 s."""
    advice = gpu_advice.advise(run_of(100.0, 30.0, 10.0, time(10, 500, 0.01, 0.0002)), Gpu())
    assert not advice["move"]
    assert advice["expected_run_s"] == 82.0
    assert advice["sentence"].startswith(
        "stay on the CPU: training is 40% of the run; a GPU would save about 18 s of 100 s"
    )


def test_short_steps_gain_little():
    """A step of 2 ms becomes 1 ms and not 0.2 ms: 3,000 - 2,500 x 0.9 x 0.5 = 1,875 s."""
    advice = gpu_advice.advise(run_of(3000.0, 1500.0, 1000.0, time(1000, 450_000, 0.002, 0.0001)), Gpu())
    assert advice["expected_run_s"] == 1875.0
    assert advice["move"]


def test_steps_that_wait_for_their_input_stay():
    advice = gpu_advice.advise(run_of(3000.0, 1500.0, 1000.0, time(1000, 18_000, 0.05, 0.045)), Gpu())
    assert not advice["move"]
    assert "a GPU would wait for its input: 45 ms a batch, and a step takes 50 ms" in advice["sentence"]


def test_data_stages_that_take_the_time_stay():
    """2,400 - 240 x 0.9 x 0.9 = 2,205.6 s: not a third less."""
    advice = gpu_advice.advise(run_of(2400.0, 140.0, 100.0, time(100, 1_800, 0.05, 0.001)), Gpu())
    assert not advice["move"]
    assert advice["expected_run_s"] == pytest.approx(2205.6)


def test_trees_have_no_steps():
    advice = gpu_advice.advise(run_of(100.0, 30.0, 10.0, None), Gpu())
    assert (
        advice["sentence"]
        == "stay on the CPU: training is 40% of the run, and this model has no steps that a GPU computes"
    )


def test_a_gpu_that_is_there_is_said():
    advice = gpu_advice.advise(run_of(100.0, 30.0, 10.0, time(10, 500, 0.01, 0.002), gpus=1), Gpu())
    assert advice["sentence"] == (
        "the model is trained on a GPU: training is 40% of the run, and the input needs 20% of the time of a step"
    )


def test_a_run_that_did_not_train_has_no_advice():
    assert gpu_advice.advise(run_of(100.0, 30.0, 10.0, None, state="cached"), Gpu()) is None
