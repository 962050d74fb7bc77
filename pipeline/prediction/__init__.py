"""Predicts the rows of files in batches: what `pipeline/predict.py` runs."""
