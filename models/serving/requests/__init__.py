"""Reads the values of requests, by plain TensorFlow operations inside the served model."""
