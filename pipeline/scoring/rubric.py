"""Lists the 28 tests of the ML Test Score.

Breck, Cai, Nielsen, Salib, Sculley: The ML Test Score: A Rubric for ML Production Readiness and Technical Debt
Reduction, IEEE Big Data 2017. A test that a machine does counts one point, one that a person does and documents half a
point. The score is the lowest of the four sections.
"""

import dataclasses
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class RubricTest:
    """A test of the rubric.

    Attributes:
        section: `data`, `model`, `infrastructure` or `monitoring`.
        title: what it asks for.
    """

    section: str
    title: str


SECTIONS: Mapping[str, str] = {
    "data": "Features and data",
    "model": "Model development",
    "infrastructure": "Infrastructure",
    "monitoring": "Monitoring",
}

TESTS: Mapping[str, RubricTest] = {
    "schema": RubricTest("data", "Feature expectations are captured in a schema"),
    "beneficial_features": RubricTest("data", "All features are beneficial"),
    "feature_cost": RubricTest("data", "No feature's cost is too much"),
    "meta_requirements": RubricTest("data", "Features adhere to meta-level requirements"),
    "privacy": RubricTest("data", "The data pipeline has appropriate privacy controls"),
    "new_features": RubricTest("data", "New features can be added quickly"),
    "feature_code": RubricTest("data", "All input feature code is tested"),
    "reviewed_specs": RubricTest("model", "Model specs are reviewed and submitted"),
    "online_metrics": RubricTest("model", "Offline and online metrics correlate"),
    "hyperparameters": RubricTest("model", "All hyperparameters have been tuned"),
    "staleness_impact": RubricTest("model", "The impact of model staleness is known"),
    "simpler_model": RubricTest("model", "A simpler model is not better"),
    "slices": RubricTest("model", "Model quality is sufficient on important data slices"),
    "inclusion": RubricTest("model", "The model is tested for considerations of inclusion"),
    "reproducible": RubricTest("infrastructure", "Training is reproducible"),
    "unit_tests": RubricTest("infrastructure", "Model specs are unit tested"),
    "integration": RubricTest("infrastructure", "The ML pipeline is integration tested"),
    "validated_quality": RubricTest("infrastructure", "Model quality is validated before serving"),
    "debuggable": RubricTest("infrastructure", "The model is debuggable"),
    "canary": RubricTest("infrastructure", "Models are canaried before serving"),
    "rollback": RubricTest("infrastructure", "Serving models can be rolled back"),
    "dependency_changes": RubricTest("monitoring", "Dependency changes result in notification"),
    "data_invariants": RubricTest("monitoring", "Data invariants hold for inputs"),
    "serving_skew": RubricTest("monitoring", "Training and serving are not skewed"),
    "model_age": RubricTest("monitoring", "Models are not too stale"),
    "numerical_stability": RubricTest("monitoring", "Models are numerically stable"),
    "computing_performance": RubricTest("monitoring", "Computing performance has not regressed"),
    "served_quality": RubricTest("monitoring", "Prediction quality has not regressed on served data"),
}
