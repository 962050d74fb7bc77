"""Queries the statistics of a table with DuckDB."""
