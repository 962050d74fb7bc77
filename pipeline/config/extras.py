"""Says how a library of an extra is installed."""


def advice(extra: str) -> str:
    """Returns what to do where a library of an extra of pyproject.toml is missing."""
    return (
        f"Run `make extras EXTRAS={extra}`, and start the run with .venv-extras/bin/python; or install it into an "
        f"environment of your own with `pip install .[{extra}]`."
    )
