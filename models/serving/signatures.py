"""The names of a served model's inputs: those of the table's columns, whatever they are.

TensorFlow traces a signature as a Python function, and so takes only names that Python takes: neither `class` nor
`Fare ($)`. Nothing that serves a model has that limit: clients send, and TensorFlow Serving looks up, what stands in
the file.
"""

import keyword
import pathlib
import re
from collections.abc import Mapping, Sequence

from tensorflow.core.protobuf import saved_model_pb2


def arguments(names: Sequence[str]) -> dict[str, str]:
    """Returns the name that each input has as an argument of a Python function: its own, or one that stands for it."""
    plain = re.compile("[A-Za-z][A-Za-z0-9_]*")
    found = {}
    for index, name in enumerate(names):
        stand_in = f"feature_{index}"
        while stand_in in names:
            stand_in += "_"
        fits = plain.fullmatch(name) and not keyword.iskeyword(name) and name != "self"
        found[name] = name if fits else stand_in
    return found


def rename_inputs(path: str, names: Mapping[str, str]) -> None:
    """Renames inputs in all signatures of a saved model.

    Args:
        path: the folder of the model.
        names: the name of an argument and the name it is to have.
    """
    if all(old == new for old, new in names.items()):
        return
    file = pathlib.Path(path, "saved_model.pb")
    model = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    for graph in model.meta_graphs:
        for signature in graph.signature_def.values():
            inputs = {names.get(name, name): value for name, value in signature.inputs.items()}
            signature.inputs.clear()
            for name, value in inputs.items():
                signature.inputs[name].CopyFrom(value)
        for node in graph.object_graph_def.nodes:
            if node.WhichOneof("kind") == "bare_concrete_function":
                keywords = node.bare_concrete_function.argument_keywords
                keywords[:] = [names.get(name, name) for name in keywords]
    file.write_bytes(model.SerializeToString(deterministic=True))
    # It identifies the file as it was.
    pathlib.Path(path, "fingerprint.pb").unlink(missing_ok=True)
