"""Refuses the training of one network by several processes, which Keras 3 does not support."""

import json
import os

from core.errors import UserError


def check_one() -> None:
    """Checks that TF_CONFIG names no other worker.

    `Model.fit` of Keras 3.15 fails under `tf.distribute.MultiWorkerMirroredStrategy`: it hands the batches of a worker
    on as `PerReplica`, which no operation takes (keras-team/keras#20585).

    Raises:
        UserError: TF_CONFIG names several workers, or is no JSON.
    """
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
