"""Makes (`bootstrap`) and inspects (`doctor`) the Python environment, with the standard library alone."""
