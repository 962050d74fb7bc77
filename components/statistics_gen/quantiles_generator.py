"""Generates statistics that TFDV lacks: many quantiles of numeric features, and moments of their finite values.

TFDV computes a hundred times as many quantiles as are asked for and reduces them in Python, which is slow. This
generator computes them from one sketch, as custom statistics of the feature.
"""

import math
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
from tensorflow_data_validation import types
from tensorflow_data_validation.statistics.generators import stats_generator
from tensorflow_data_validation.utils import quantiles_util, variance_util
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx_bsl import sketches

from models.preprocessing.feature_stats import COUNT, MEAN, QUANTILES, STD

_MAX_VALUES = 1 << 32


class FiniteValues:
    """Accumulates the finite values of a column."""

    def __init__(self, epsilon: float) -> None:
        """Starts without values.

        Args:
            epsilon: the largest error of a quantile's rank, as a share of all values.
        """
        self.sketch = sketches.QuantilesSketch(eps=epsilon, max_num_elements=_MAX_VALUES, num_streams=1)
        self.moments = variance_util.MeanVarAccumulator()

    def add(self, values: np.ndarray) -> None:
        """Adds the finite ones of some values."""
        finite = values[np.isfinite(values)].astype(np.float64)
        if len(finite):
            self.sketch.AddValues(pa.array(finite))
            self.moments.update(finite)

    def merge(self, other: "FiniteValues") -> None:
        """Adds the values of another accumulator."""
        self.sketch.Merge(other.sketch)
        self.moments.merge(other.moments)


class QuantilesGenerator(stats_generator.CombinerFeatureStatsGenerator):  # type: ignore[misc]
    """Generates quantiles and moments of some numeric columns."""

    def __init__(self, names: Iterable[str], quantiles: int) -> None:
        """Creates the generator.

        Args:
            names: the columns.
            quantiles: the number of buckets of equal weight.
        """
        super().__init__("QuantilesGenerator")
        self._paths = frozenset(types.FeaturePath([name]) for name in names)
        self._quantiles = quantiles

    def create_accumulator(self) -> FiniteValues | None:
        """Returns None: only the chosen columns get an accumulator, with their first row group."""
        return None

    def add_input(
        self, accumulator: FiniteValues | None, path: types.FeaturePath, column: pa.Array
    ) -> FiniteValues | None:
        """Adds a row group of one column."""
        if path not in self._paths:
            return accumulator
        accumulator = accumulator or FiniteValues(epsilon(self._quantiles))
        accumulator.add(np.asarray(column.flatten()))
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[FiniteValues | None]) -> FiniteValues | None:
        """Returns one accumulator of all values."""
        filled = [accumulator for accumulator in accumulators if accumulator is not None]
        for other in filled[1:]:
            filled[0].merge(other)
        return filled[0] if filled else None

    def compact(self, accumulator: FiniteValues | None) -> FiniteValues | None:
        """Compacts an accumulator before it is sent to another worker."""
        if accumulator is not None:
            accumulator.sketch.Compact()
        return accumulator

    def extract_output(self, accumulator: FiniteValues | None) -> statistics_pb2.FeatureNameStatistics:
        """Returns the custom statistics of the column."""
        result = statistics_pb2.FeatureNameStatistics()
        if accumulator is None:
            return result
        moments = accumulator.moments
        result.custom_stats.add(name=COUNT, num=moments.count)
        if moments.count:
            result.custom_stats.add(name=MEAN, num=moments.mean)
            result.custom_stats.add(name=STD, num=math.sqrt(max(0.0, moments.variance)))
            edges, weights = accumulator.sketch.GetQuantilesAndCumulativeWeights(self._quantiles)
            histogram = quantiles_util.generate_quantiles_histogram(
                edges.flatten().to_numpy(zero_copy_only=False), weights.flatten().to_numpy(zero_copy_only=False)
            )
            result.custom_stats.add(name=QUANTILES, histogram=histogram)
        return result


def epsilon(quantiles: int) -> float:
    """Returns the largest error of a quantile's rank, as a share of all values: a quarter of a bucket."""
    return min(0.01, 0.25 / quantiles)
