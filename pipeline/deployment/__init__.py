"""Compiles the declared stages for Kubeflow Pipelines and Vertex AI, submits the result, and runs a step of it."""
