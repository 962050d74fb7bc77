"""Watches a served model: what `pipeline/monitor.py` runs."""
