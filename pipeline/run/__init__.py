"""Runs the pipeline on this machine: dispatch, fingerprints, plan, the TFX pipeline, history, display and summary."""
