"""Names the environments of a run's schema: the label, the weight and slice columns belong to training alone."""

TRAINING, SERVING = "TRAINING", "SERVING"
