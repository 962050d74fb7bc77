"""Compares the canary with the stable version on the same requests: predictions and, with labels, their quality."""

import dataclasses
import functools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from core import examples
from core.errors import UserError
from core.spec import Spec
from models.evaluation import metrics, model_comparison
from models.evaluation.model_comparison import Difference, ModelPredictions
from models.serving import model_versions
from pipeline.monitoring import reference
from pipeline.monitoring.requests import request_stream
from pipeline.monitoring.requests.labels import Labels, check_key
from pipeline.monitoring.scorer import Scorer, by_output
from pipeline.prediction import batch_prediction


@dataclasses.dataclass(frozen=True)
class CanaryComparison:
    """Both versions on the same requests.

    Attributes:
        spec: the features and the task.
        versions: the canary and the stable version.
        rows: the number of requests.
        predictions: for some requests by both versions, float[rows, C], or float[rows, 1] for regression.
        labelled: labels and predictions as `candidate` (the canary) and `stable`; None where no labels were given.
    """

    spec: Spec
    versions: tuple[int, int]
    rows: int
    predictions: tuple[np.ndarray, np.ndarray]
    labelled: ModelPredictions | None

    @functools.cached_property
    def difference(self) -> Difference | None:
        """By how much the canary's primary metric is better, with paired errors; None without labels."""
        task = self.spec.label.task
        return None if self.labelled is None else model_comparison.difference(task, self.labelled, "stable")

    @property
    def is_worse(self) -> bool:
        """Whether the canary is clearly worse."""
        found = self.difference
        return found is not None and found.is_clear and found.gain < 0

    def lines(self) -> Iterator[str]:
        """Yields the comparison in lines."""
        canary, stable = self.predictions
        gaps = np.abs(canary - stable).max(axis=1)
        yield f"{self.rows:,} requests: canary, version {self.versions[0]}, beside stable, version {self.versions[1]}"
        classes = self.spec.label.classes
        others = float((canary.argmax(axis=1) != stable.argmax(axis=1)).mean()) if classes else None
        what = "" if others is None else f"; {others:.1%} of the requests get another class"
        yield f"predictions differ by {gaps.mean():.4g} in the mean and by {gaps.max():.4g} at most{what}"
        name = f"score of {classes[-1]!r}" if classes else "prediction"
        yield f"mean {name}: {canary[:, -1].mean():.4g} by canary, {stable[:, -1].mean():.4g} by stable"
        if self.labelled is not None:
            yield from self._quality(self.labelled)

    def _quality(self, labelled: ModelPredictions) -> Iterator[str]:
        task = self.spec.label.task
        yield f"with {len(labelled.labels):,} labels:"
        found = [metrics.compute(task, labelled.labels, labelled.by_model[name]) for name in ("candidate", "stable")]
        primary = metrics.PRIMARY[task].name
        for name in found[0]:
            told = f"  {name} {found[0][name]:.4g} by canary, {found[1][name]:.4g} by stable"
            yield f"{told}: {self.difference}" if name == primary else told


def compare(base: Path, files: Sequence[str], labels: Sequence[str], key: str | None) -> CanaryComparison:
    """Compares the versions below a folder.

    Args:
        base: the folder of the versions.
        files: paths and globs of requests: a table, or a log of TensorFlow Serving.
        labels: paths and globs of their labels; none where they have not come.
        key: the column that requests and labels have in common.

    Raises:
        UserError: there is no canary, the versions do not take the same requests, or the data cannot be read.
    """
    found = model_versions.labels(base)
    if found.canary is None or found.stable is None:
        raise UserError(f"--compare: {base} has no canary. --promote VERSION --as canary makes one.")
    check_key(labels, key)
    trained = reference.read(base / str(found.stable))
    spec = trained.training.spec
    _check_alike(spec, batch_prediction.read_training(base / str(found.canary)).spec)
    requests = request_stream.read(trained, files, (), Labels(labels, key, spec.label) if key else None, None)
    scorers = [Scorer(str(base / str(version)), spec) for version in (found.canary, found.stable)]
    canary, stable = (by_output(scorer(requests.sample)) for scorer in scorers)
    labelled = None
    if requests.labelled is not None and requests.labelled.num_rows:
        values = examples.label_values(requests.labelled, spec.label)
        predicted = dict(zip(("candidate", "stable"), (scorer(requests.labelled) for scorer in scorers), strict=True))
        labelled = ModelPredictions(values, np.ones(len(values)), predicted)
    elif key:
        raise UserError(f"--labels: none of them belongs to one of the requests by the key {key!r}. Check the key.")
    return CanaryComparison(spec, (found.canary, found.stable), requests.rows, (canary, stable), labelled)


def _check_alike(stable: Spec, canary: Spec) -> None:
    """Checks that both versions take the same requests and answer with the same classes."""
    columns = [{feature.name: feature.payload for feature in spec.features} for spec in (stable, canary)]
    differing = sorted(name for name, _ in columns[0].items() ^ columns[1].items())
    if differing:
        raise UserError(
            f"--compare: the canary and the stable version take other requests: {differing[0]!r} is a feature "
            "of one alone, or has another type. Let clients send requests of its own to the canary, and read both logs "
            "by monitor.py."
        )
    if stable.label != canary.label:
        raise UserError("--compare: the canary has another label or other classes than the stable version.")
