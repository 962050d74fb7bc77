"""Checks that the libraries of an extra of pyproject.toml are installed, and says how to install them."""

import importlib.util

from core.errors import UserError


def check(module: str, extra: str, asked_for: str) -> None:
    """Checks that a module of an extra can be imported; imports nothing.

    Args:
        module: its outermost package.
        extra: the name of the extra.
        asked_for: the setting that needs it, with its value.

    Raises:
        UserError: it is not installed.
    """
    if importlib.util.find_spec(module) is None:
        raise UserError(
            f"{asked_for}, but {module} is not installed. Run `make extras EXTRAS={extra}`, and start the run with "
            f".venv-extras/bin/python; or install it into an environment of your own with `pip install .[{extra}]`."
        )
