"""Finds drift that no single feature shows: a classifier tells requests from test (Lopez-Paz and Oquab 2017).

Trees are fitted to half of the rows. Where the requests are distributed as test, they rank the other half at random.
Equal rows are in the same half, and count once in the test: trees know a request again that is repeated in both.
Features that drifted by themselves are left out.
"""

import dataclasses
from typing import Any

import numpy as np

from pipeline.monitoring.drift import significance

LEAST_AUC = 0.55  # below, the difference is too small to be called drift
_ROWS = 5_000  # of each of the two samples


@dataclasses.dataclass(frozen=True)
class JointDrift:
    """How well a classifier tells requests from rows of test.

    Attributes:
        auc: the area under its ROC curve, on rows that it was not fitted to: 0.5 where there is no difference.
        p_value: of the rank sum test.
        features: the number of features compared.
        drifted: whether the features drifted together.
    """

    auc: float
    p_value: float
    features: int
    drifted: bool

    def to_dict(self) -> dict[str, Any]:
        """Returns the result as JSON can hold it."""
        return {"auc": self.auc, "p_value": self.p_value, "features": self.features, "drifted": self.drifted}

    def alarms(self) -> list[str]:
        """Returns the alarm, if there is one."""
        text = (
            f"the {self.features} features that did not drift by themselves drifted together: a classifier tells "
            f"requests from test with an AUC of {self.auc:.3f}"
        )
        return [text] if self.drifted else []

    def lines(self) -> list[str]:
        """Returns the result in a line."""
        return [f"domain classifier over {self.features} features: AUC {self.auc:.3f}, p {self.p_value:.2g}"]


def joint_drift(requests: np.ndarray, test: np.ndarray, level: float) -> JointDrift:
    """Compares two samples.

    Args:
        requests: float64[rows, features], with NaN for missing.
        test: float64[rows, features].
        level: the level of the test.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score
    from threadpoolctl import threadpool_limits

    random = np.random.default_rng(0)
    samples = [rows[random.permutation(len(rows))[:_ROWS]] for rows in (test, requests)]
    inputs = np.concatenate(samples)
    labels = np.repeat([0, 1], [len(samples[0]), len(samples[1])])
    content = np.ascontiguousarray(inputs + 0.0)  # -0.0 becomes 0.0
    as_bytes = content.view(np.dtype((np.void, content.itemsize * content.shape[1]))).ravel()
    distinct, same = np.unique(as_bytes, return_inverse=True)
    fitted = (random.permutation(len(distinct)) % 2 == 0)[same]
    first, second = (len(np.unique(same[~fitted & (labels == label)])) for label in (0, 1))
    if len(np.unique(labels[fitted])) < 2 or not first or not second:
        return JointDrift(0.5, 1.0, inputs.shape[1], False)
    model = HistGradientBoostingClassifier(max_iter=50, max_leaf_nodes=15, early_stopping=False, random_state=0)
    weights = len(labels) / np.bincount(labels)[labels]
    with threadpool_limits(1):  # the threads of a small fit wait for each other
        model.fit(inputs[fitted], labels[fitted], weights[fitted])
    scores = model.predict_proba(inputs[~fitted])[:, 1]
    auc = float(roc_auc_score(labels[~fitted], scores))
    p_value = significance.rank_sum(auc, first, second)
    return JointDrift(auc, p_value, inputs.shape[1], p_value < level and auc >= LEAST_AUC)
