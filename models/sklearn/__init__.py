"""The model families as estimators of scikit-learn, with the same preprocessing, and without TFX or a run.

Example:
    from models.sklearn import SkewlessClassifier

    model = SkewlessClassifier(family="trees").fit(frame[["age", "town"]], frame["bought"])
    model.predict_proba(new_rows)
    model.export("serving/1")
"""

from models.sklearn.estimators import SkewlessClassifier, SkewlessRegressor

__all__ = ["SkewlessClassifier", "SkewlessRegressor"]
