"""Asks TensorFlow Serving for the prediction of the row in request.json, by its REST interface and Python alone.

python rest_client.py MODEL [ADDRESS]

MODEL is the name of the model in the server. ADDRESS is that of its REST interface, by default localhost:8501.
"""

import json
import pathlib
import sys
import urllib.request


def main() -> None:
    """Prints the prediction."""
    model, address = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "localhost:8501"
    body = pathlib.Path(__file__).with_name("request.json").read_bytes()
    # To ask the version with a label: /v1/models/MODEL/labels/stable:predict
    request = urllib.request.Request(
        f"http://{address}/v1/models/{model}:predict", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        for prediction in json.load(answer)["predictions"]:
            print(json.dumps(prediction, ensure_ascii=False))


if __name__ == "__main__":
    main()
