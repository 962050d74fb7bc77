"""What stands behind `pipeline.predict`: rows of files to batches, and batches to predictions."""
