"""Reads requests and their labels."""
