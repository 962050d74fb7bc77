"""The environment: made by bootstrap.py, looked at by doctor.py, with the standard library alone."""
