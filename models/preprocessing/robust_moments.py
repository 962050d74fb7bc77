"""Computes mean and standard deviation that a few extreme values, such as -3.4e38 for missing, do not decide."""

import dataclasses

import numpy as np

# An outlier is farther from the median than so many times the median distance of the values that differ from it.
_FAR = 100


@dataclasses.dataclass(frozen=True)
class RobustMoments:
    """The mean and the standard deviation of numbers, without outliers.

    Attributes:
        mean: the mean.
        std: the standard deviation.
        outlier: the value that is farthest from the median; None where no value is an outlier.
    """

    mean: float
    std: float
    outlier: float | None = None

    @classmethod
    def of(cls, edges: np.ndarray, mean: float, std: float) -> "RobustMoments":
        """Returns the moments as they are, or where outliers decide them, those of the quantiles near the median.

        Args:
            edges: quantiles of equal weight, with the least and the greatest value.
            mean: the mean of all values.
            std: their standard deviation.
        """
        distances = np.abs(edges - np.median(edges)) if len(edges) else edges
        if not distances.any():
            return cls(mean, std)
        limit = _FAR * float(np.median(distances[distances > 0]))
        if std <= limit:
            return cls(mean, std)
        near = edges[distances <= limit]
        return cls(float(near.mean()), float(near.std()), float(edges[distances.argmax()]))
