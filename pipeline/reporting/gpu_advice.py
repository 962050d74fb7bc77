"""Says whether training on a GPU would pay, from where the time of a run went. Pure functions."""

from collections.abc import Mapping
from typing import Any

from core.config.review import Gpu

_TRAINING = ("Tuner", "Trainer")
_ENOUGH = 1.5  # times faster, of the whole run: it ends earlier by a third
_INPUT_BOUND = 0.8  # of a step: the time in which the input makes a batch


def advise(summary: Mapping[str, Any], options: Gpu) -> dict[str, Any] | None:
    """Returns the advice and the numbers behind it; None where this run did not train.

    A step that waits for its input does not become faster on a GPU, and a run has other parts than its steps (Amdahl
    1967, "Validity of the single processor approach to achieving large scale computing capabilities").

    Args:
        summary: the run's summary, with the seconds of its stages and with `model.time`.
        options: what is assumed of the GPU.
    """
    ran = {stage["name"]: stage["seconds"] for stage in summary["stages"] if stage["state"] == "ran"}
    if "Trainer" not in ran:
        return None
    training = sum(ran.get(name, 0.0) for name in _TRAINING)
    numbers = {"run_s": summary["seconds"], "training_s": round(training, 1)}
    share = f"training is {training / summary['seconds']:.0%} of the run"
    time = summary["model"].get("time")
    if summary["environment"].get("gpus"):
        return {"move": False, "sentence": _on_gpu(share, time), **numbers}
    if not time:
        return {
            "move": False,
            "sentence": f"stay on the CPU: {share}, and this model has no steps that a GPU computes",
            **numbers,
        }
    return numbers | _on_cpu(summary["seconds"], training, share, time, options)


def _on_gpu(share: str, time: Mapping[str, float] | None) -> str:
    waits = f", and the input needs {_of_step(time):.0%} of the time of a step" if time else ""
    return f"the model is trained on a GPU: {share}{waits}"


def _of_step(time: Mapping[str, float]) -> float:
    return time["input"] / time["step"] if time["step"] else 0.0


def _on_cpu(run: float, training: float, share: str, time: Mapping[str, float], options: Gpu) -> dict[str, Any]:
    steps = min(1.0, time["steps"] * time["step"] / time["seconds"])
    faster = max(time["step"] / options.speedup, time["input"], options.step_ms / 1_000)
    ratio = min(1.0, faster / time["step"]) if time["step"] else 1.0
    expected = run - training * steps * (1 - ratio)
    saved = run - expected
    numbers = {
        "steps_share": round(steps, 3),
        "step_ms": round(time["step"] * 1_000, 3),
        "input_ms": round(time["input"] * 1_000, 3),
        "assumed_speedup": options.speedup,
        "expected_run_s": round(expected, 1),
    }
    if _of_step(time) > _INPUT_BOUND:
        waits = f"{numbers['input_ms']:g} ms a batch, and a step takes {numbers['step_ms']:g} ms"
        return {
            "move": False,
            "sentence": f"stay on the CPU: {share}; a GPU would wait for its input: {waits}",
            **numbers,
        }
    move = run >= _ENOUGH * expected and saved >= options.minutes * 60
    expects = f"a GPU would save about {_duration(saved)} of {_duration(run)}"
    assumes = f"if its steps are {options.speedup:g} times faster{_cost(run, expected, options)}"
    where = "move to a GPU now" if move else "stay on the CPU"
    return {"move": move, "sentence": f"{where}: {share}; {expects}, {assumes}", **numbers}


def _cost(run: float, expected: float, options: Gpu) -> str:
    if options.price_per_hour is None or options.cpu_price_per_hour is None:
        return ""
    costs = (expected / 3_600 * options.price_per_hour, run / 3_600 * options.cpu_price_per_hour)
    return ", and cost {:.2f} instead of {:.2f}".format(*costs)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
