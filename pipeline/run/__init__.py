"""Runs the pipeline on this machine: fingerprints, plan, history, orchestration, display and summary."""
