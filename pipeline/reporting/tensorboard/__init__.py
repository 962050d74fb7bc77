"""Writes what TensorBoard shows of a run."""
