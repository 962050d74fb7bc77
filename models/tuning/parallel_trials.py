"""Trains the trials of a search in several processes: KerasTuner's chief proposes them, and its workers train them.

KerasTuner's own environment variables say what a process is. KERASTUNER_TUNER_ID names it: the chief's name has `chief`
in it. The chief listens at KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT.
"""

import os
import pathlib
from typing import Literal

from core.errors import UserError
from models import families

_ADDRESS = ("KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT")
NAME = "KERASTUNER_TUNER_ID"


def role() -> Literal["chief", "worker"] | None:
    """Returns what this process is; None where one process trains all trials."""
    if _ADDRESS[0] not in os.environ:
        return None
    return "chief" if "chief" in os.environ[NAME] else "worker"


def address() -> str:
    """Returns where the chief listens."""
    return ":".join(os.environ[name] for name in _ADDRESS)


def chief_listens(seconds: float) -> bool:
    """Returns whether the chief begins to listen within some seconds, if it does not listen yet."""
    import grpc

    try:
        with grpc.insecure_channel(address()) as channel:
            grpc.channel_ready_future(channel).result(timeout=seconds)
    except grpc.FutureTimeoutError:
        return False
    return True


def check(family: str) -> None:
    """Checks that the variables are complete, and that the trials of the family can be trained in several processes.

    Raises:
        UserError: a variable is missing, or the family is `auto`.
    """
    if _ADDRESS[0] not in os.environ:
        return
    missing = [name for name in (_ADDRESS[1], NAME) if not os.environ.get(name)]
    if missing:
        raise UserError(
            f"{_ADDRESS[0]} asks for trials in several processes, without {' and '.join(missing)}. Set "
            f"{_ADDRESS[1]} to the chief's port, and {NAME} to chief for one process and to another name for each "
            "other one."
        )
    if family == families.AUTO:
        raise UserError(
            f"{_ADDRESS[0]} asks for trials in several processes, and KerasTuner's chief proposes the trials of one "
            "search, while model.family auto has one for each family. Name the family, as in --set model.family=mlp, "
            f"or unset {_ADDRESS[0]}."
        )


def leave_error(folder: str, message: str) -> None:
    """Writes the message of a failed trial into its folder, since KerasTuner's workers do not send it to the chief."""
    (pathlib.Path(folder) / "error.txt").write_text(message, encoding="utf-8")


def left_error(folder: str) -> str | None:
    """Returns the message that a worker has written; None for none."""
    file = pathlib.Path(folder) / "error.txt"
    return file.read_text(encoding="utf-8") if file.exists() else None
