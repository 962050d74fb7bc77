#!/bin/sh
# Starts a worker of Beam in the project's environment. A cluster calls it, with the arguments that
# environment/beam_worker.py reads: environment_type: PROCESS, environment_config: {"command": "environment/beam_worker.sh"}.
root=$(cd "$(dirname "$0")/.." && pwd)
PYTHONPATH="$root" TF_USE_LEGACY_KERAS=0 exec "$root/.venv/bin/python" -m environment.beam_worker "$@"
