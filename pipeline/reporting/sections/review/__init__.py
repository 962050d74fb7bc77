"""Builds the sections by which persons review a run: the model card and the ML Test Score."""
