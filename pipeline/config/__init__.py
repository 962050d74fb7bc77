"""Reads and checks the configuration, and explains its errors."""
