"""Judges models: metrics, gates, comparisons, and the explanation that reports show."""

# In the folder of an evaluation, beside TFMA's results.
EXPLANATION_FILE = "explanation.json"
PREDICTIONS_FOLDER = "predictions"
