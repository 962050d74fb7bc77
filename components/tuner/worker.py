"""Trains trials of a search for another process: KerasTuner's chief, which is in the stage Tuner of its run.

The chief writes into the folder of the trials what the stage was given. A worker waits for the chief, and reads that.
"""

import contextlib
import json
import pathlib
from collections.abc import Iterator
from typing import Any

import grpc
from tfx.components.tuner import executor
from tfx.types import artifact_utils
from tfx.utils import json_utils

from core import progress, storage
from core.errors import UserError
from models.tuning import parallel_trials

_MINUTES = 60  # as long as KerasTuner's worker waits for an answer


@contextlib.contextmanager
def given(input_dict: dict[str, Any], exec_properties: dict[str, Any]) -> Iterator[None]:
    """In the block, workers find what the stage was given, where this process is the chief.

    Raises:
        UserError: the chief cannot listen for them.
    """
    if parallel_trials.role() != "chief":
        yield
        return
    directory = json_utils.loads(exec_properties["custom_config"])["directory"]
    stage = {"inputs": artifact_utils.jsonify_artifact_dict(input_dict), "exec_properties": exec_properties}
    storage.write_json(_file(directory), stage)
    progress.report(f"waiting for workers at {parallel_trials.address()}")
    try:
        yield
    except RuntimeError as error:
        if "Failed to bind" not in str(error):
            raise
        raise UserError(
            f"The chief cannot listen at {parallel_trials.address()}. Set KERASTUNER_ORACLE_IP to an address of this "
            "machine, and KERASTUNER_ORACLE_PORT to a free port."
        ) from error
    finally:
        _file(directory).unlink()


def train(directory: str) -> str:
    """Trains trials until the chief has no more; returns in one line how many.

    Args:
        directory: the folder of the trials.

    Raises:
        UserError: the chief does not answer, or its run has another folder.
    """
    address = parallel_trials.address()
    progress.report(f"waiting for the chief at {address}")
    if not parallel_trials.chief_listens(60 * _MINUTES):
        raise UserError(
            f"No chief has begun a search at {address} for {_MINUTES} minutes. Start the chief with the same "
            "KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT, and then this worker again."
        )
    try:
        stage = json.loads(_file(directory).read_text(encoding="utf-8"))
        inputs = artifact_utils.parse_artifact_dict(stage["inputs"])
        tuner = executor.search(inputs, stage["exec_properties"], directory, print_tuning_summary=False)
    except FileNotFoundError as error:
        raise UserError(
            f"The chief at {address} does not search in {directory}: {error.filename} is missing. Give all processes "
            "the same --out, in a folder that all of them share."
        ) from None
    except (grpc.RpcError, ConnectionError) as error:
        if _file(directory).exists():
            raise UserError(
                f"The chief at {address} does not answer any more. Start it again, and then this worker with the same "
                "KERASTUNER_TUNER_ID, whose trial begins again."
            ) from error
        return "The chief has no more trials, and had none for this process."
    return f"The chief has no more trials. This process has trained {tuner.trained}."


def _file(directory: str) -> pathlib.Path:
    return pathlib.Path(directory) / "stage.json"
