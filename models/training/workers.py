"""Refuses training and searches by several processes, which Keras 3 and KerasTuner do not support here."""

import json
import os

from core.errors import UserError


def check_one() -> None:
    """Checks that TF_CONFIG names no other worker, and that no other process is to run trials.

    `Model.fit` of Keras 3.15 fails under `tf.distribute.MultiWorkerMirroredStrategy`: it hands the batches of a worker
    on as `PerReplica`, which no operation takes (keras-team/keras#20585). The search uses the
    oracle's list of trials, their order and its hyperparameters, which KerasTuner's client of a chief does not have.

    Raises:
        UserError: TF_CONFIG names several workers, or is no JSON; KerasTuner is to have a chief.
    """
    if "KERASTUNER_ORACLE_IP" in os.environ:
        raise UserError(
            "The environment variable KERASTUNER_ORACLE_IP asks for trials by several processes. The search uses the "
            "list of all trials, which KerasTuner's client of a chief does not have. Unset KERASTUNER_ORACLE_IP, and "
            "search in one process."
        )
    try:
        cluster = json.loads(os.environ.get("TF_CONFIG") or "{}").get("cluster", {})
        workers = [address for role in ("chief", "master", "worker") for address in cluster.get(role, ())]
    except (ValueError, AttributeError, TypeError):
        raise UserError(
            'The environment variable TF_CONFIG is not {"cluster": {...}, "task": {...}} in JSON. Correct or unset it.'
        ) from None
    if len(workers) > 1:
        raise UserError(
            f"TF_CONFIG names {len(workers)} workers ({', '.join(map(str, workers))}), and Keras 3 cannot train one "
            "network on several machines (keras-team/keras#20585). Unset TF_CONFIG, and train on one machine: all of "
            "its GPUs are used."
        )
