"""Declares boosted symmetric trees, trained by CatBoost and served as TensorFlow operations."""

from typing import TYPE_CHECKING, Any

from models.families.family import Family, Number

if TYPE_CHECKING:
    from models.trained import Trained


def _fit(*args: Any, **kwargs: Any) -> "Trained":
    from models.trees import boosting

    return boosting.fit(*args, **kwargs)


def _refit(*args: Any, **kwargs: Any) -> "Trained":
    from models.trees import boosting

    return boosting.refit(*args, **kwargs)


TREES = Family(
    name="trees",
    space={
        "learning_rate": Number(0.05, 0.02, 0.3, log=True),
        "depth": Number(6, 3, 8, step=1),
        "l2_leaf_reg": Number(3.0, 0.5, 30.0, log=True),
        "random_strength": Number(1.0, 0.0, 10.0),
        "rsm": Number(1.0, 0.3, 1.0),
        # The most: as many are kept as are best on eval. More than 2,000 would be slow to serve.
        "iterations": Number(1000, 50, 2000, step=50),
    },
    fit=_fit,
    refit=_refit,
)
