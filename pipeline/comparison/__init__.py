"""Compares runs: their configurations, metrics on the same rows, slices, curves, time and size."""
