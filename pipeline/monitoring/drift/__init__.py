"""Compares requests with train and with test."""
