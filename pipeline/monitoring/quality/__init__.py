"""Measures and estimates the quality of predictions."""
