"""Generates the pictures of the documentation from the declared stages and the imports."""
