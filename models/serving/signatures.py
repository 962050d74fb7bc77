"""Gives the inputs of a served model the names of the table's columns, whatever they are.

TensorFlow traces a signature as a Python function, so its inputs have names that Python accepts: neither `class` nor
`Fare ($)`. A model server has no such limit: it reads the names from the file. So the names are changed in the file.
"""

import keyword
import pathlib
import re
from collections.abc import Mapping, Sequence

from tensorflow.core.protobuf import saved_model_pb2


def arguments(names: Sequence[str]) -> dict[str, str]:
    """Returns the name that each input has as an argument of a Python function: its own, or a replacement."""
    plain = re.compile("[A-Za-z][A-Za-z0-9_]*")
    found = {}
    for index, name in enumerate(names):
        replacement = f"feature_{index}"
        while replacement in names:
            replacement += "_"
        fits = plain.fullmatch(name) and not keyword.iskeyword(name) and name != "self"
        found[name] = name if fits else replacement
    return found


def rename_inputs(path: str, names: Mapping[str, str]) -> None:
    """Renames inputs in all signatures of a saved model.

    Args:
        path: the folder of the model.
        names: the new name of each argument.
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
    # It identifies the file before the change.
    pathlib.Path(path, "fingerprint.pb").unlink(missing_ok=True)
