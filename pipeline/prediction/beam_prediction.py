"""Predicts the parts through Beam: each worker reads files, and writes their parts, as one process does."""

import dataclasses
import functools
import pickle
import shlex
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from components.base import beam_engine, beam_errors, beam_options
from core import storage
from core.config.deployment import Beam
from core.errors import UserError
from core.text import clause, did_you_mean
from pipeline.prediction import batch_prediction
from pipeline.prediction.batch_prediction import Predicted, Request
from pipeline.prediction.shards import Shard
from pipeline.prediction.skew import Skew

_RESULT = ".result"  # in the folder of the parts: what was predicted


def predict(request: Request, version: Path, parts: Sequence[Shard]) -> Predicted:
    """Predicts parts with the runner of the request; FnApiRunner without one.

    Workers on other machines have to see the files, the model and the folder of the parts under the same paths.

    Raises:
        UserError: the options are wrong, the data do not fit the model, or a part cannot be written.
    """
    try:
        engine = _engine(request.beam or "")
        beam_options.arguments(engine)
    except UserError as error:
        raise UserError(str(error).replace("under `beam:` in the configuration", "of --beam")) from None
    except ValueError as error:
        raise UserError(f"--beam: {clause(error)}. Write options like --runner=flink --parallelism=4.") from None
    # Paths are of this folder, which is another one in a worker.
    parts = [dataclasses.replace(part, to=part.to.absolute()) for part in parts]
    result = parts[0].to.parent / _RESULT
    try:
        with (
            beam_errors.unwrapped(),
            beam_engine.started(engine) as options,
            beam.Pipeline(options=PipelineOptions(options)) as pipeline,
        ):
            (
                pipeline
                | "Parts" >> beam.Create(parts)
                | "Predict" >> beam.ParDo(_Predict(request, version.absolute()))
                | "Add" >> beam.CombineGlobally(_Add())
                | "Write" >> beam.Map(functools.partial(_write, result))
            )
        predicted = pickle.loads(result.read_bytes())
    finally:
        result.unlink(missing_ok=True)
    assert isinstance(predicted, Predicted)
    return predicted


def _engine(text: str) -> Beam:
    """Returns the engine and its options, which are given as to Beam: `--runner=flink --parallelism=4`."""
    options: dict[str, str | bool] = {}
    for option in shlex.split(text):
        name, equals, value = option.removeprefix("--").partition("=")
        if not option.startswith("--"):
            raise UserError(f"--beam: {option!r} is not an option. Write options like --runner=flink --parallelism=4.")
        options[name] = value if equals else True
    named = str(options.pop("runner", "local"))
    engines = {runner.casefold(): engine for engine, runner in beam_options.RUNNERS.items()}
    engine = engines.get(named.casefold(), named.casefold())
    if engine not in beam_options.RUNNERS:
        known = f"Known are: {', '.join(beam_options.RUNNERS)}."
        raise UserError(f"--beam: there is no runner {named!r}.{did_you_mean(named, beam_options.RUNNERS)} {known}")
    return Beam.model_validate({"runner": engine, "options": options})


def _write(path: Path, predicted: Predicted) -> None:
    with storage.replacing(path) as temporary:
        temporary.write_bytes(pickle.dumps(predicted))


class _Predict(beam.DoFn):  # type: ignore[misc]
    """Predicts a part."""

    def __init__(self, request: Request, version: Path) -> None:
        self._request, self._version = request, version

    def setup(self) -> None:
        self._training = batch_prediction.read_training(self._version)
        self._model = functools.cache(lambda: batch_prediction.loaded(self._version))

    def process(self, part: Shard) -> Iterator[Predicted]:
        yield batch_prediction.predict_part(self._request, self._training, part, self._model)


class _Add(beam.CombineFn):  # type: ignore[misc]
    """Adds what was predicted; the first part is the beginning, as it knows the features."""

    def create_accumulator(self) -> Predicted:
        return Predicted(Skew(()))

    def add_input(self, total: Predicted, part: Predicted) -> Predicted:
        return self.merge_accumulators([total, part])

    def merge_accumulators(self, totals: Iterable[Predicted]) -> Predicted:
        merged = Predicted(Skew(()))
        for total in totals:
            merged.add(total)
        return merged

    def extract_output(self, total: Predicted) -> Predicted:
        return total
