#!/bin/sh
# Asks TensorFlow Serving for the prediction of the row in request.json:
#   MODEL=taxi sh curl.sh [ADDRESS]
# MODEL is the name of the model in the server. ADDRESS is that of its REST interface.
set -eu
exec curl --silent --show-error --fail-with-body --header 'Content-Type: application/json' \
  --data "@$(dirname "$0")/request.json" "http://${1:-localhost:8501}/v1/models/${MODEL:?name the model}:predict"
