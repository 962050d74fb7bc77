"""Declares the signatures of a served model, and gives their inputs the names of the columns, whatever they are.

TensorFlow traces a signature as a Python function, so its inputs have names that Python accepts: neither `class` nor
`Fare ($)`. A model server has no such limit: it reads the names from the file. So the names are changed in the file.

TensorFlow's loader in Python calls a signature by the names of the columns too, apart from those that it cannot tell
from others. These have a replacement such as `feature_3` there; `structured_input_signature` shows it with the name of
the column in its TensorSpec.
"""

import collections
import keyword
import pathlib
import re
from collections.abc import Collection, Mapping

from tensorflow.core.protobuf import saved_model_pb2

from core.spec import Task

_FOR_ALL = ("serving_default", "predict", "transform_features")
# Those of TensorFlow Serving's Classification and Regression APIs. The regression of two classes is the score of the
# second, as in the classifiers of tf.estimator.
_METHODS = {"classify": "tensorflow/serving/classify", "regress": "tensorflow/serving/regress"}
_OF_TASK: Mapping[Task, tuple[str, ...]] = {
    "binary": ("classify", "regress"),
    "multiclass": ("classify",),
    "regression": ("regress",),
}


def names_for(task: Task) -> tuple[str, ...]:
    """Returns the names of the signatures of a model for a task."""
    return _FOR_ALL + _OF_TASK[task]


def arguments(names: Collection[str]) -> dict[str, str]:
    """Returns the name that each input has as an argument of a Python function: its own, or a replacement."""
    plain = re.compile("[A-Za-z][A-Za-z0-9_]*")
    taken, accepted = set(map(_loader_form, names)), keywords(names)
    found = {}
    for index, name in enumerate(names):
        replacement = f"feature_{index}"
        while replacement in taken:
            replacement += "_"
        fits = plain.fullmatch(name) and not keyword.iskeyword(name) and name in accepted
        found[name] = name if fits else replacement
    return found


def keywords(names: Collection[str]) -> frozenset[str]:
    """Returns the names by which TensorFlow's loader in Python takes inputs.

    Its functions have an argument `self` of their own, and do not tell names apart that differ in other characters than
    letters, digits and `_`, or in their case.
    """
    forms = collections.Counter(map(_loader_form, names))
    return frozenset(name for name in names if forms[_loader_form(name)] == 1 and name != "self")


def _loader_form(name: str) -> str:
    form = "".join(letter if letter.isalnum() else "_" for letter in name).lower()
    return form if form[:1].isalpha() else f"arg_{form}"


def complete(path: str, names: Mapping[str, str]) -> None:
    """Writes into a saved model what TensorFlow does not save: the names of inputs, and the methods of signatures.

    Args:
        path: the folder of the model.
        names: the name that each argument shall have as an input of the signatures.
    """
    accepted = keywords(names.values())
    file = pathlib.Path(path, "saved_model.pb")
    model = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    for graph in model.meta_graphs:
        for key, signature in graph.signature_def.items():
            signature.method_name = _METHODS.get(key, signature.method_name)
            inputs = {names.get(argument, argument): value for argument, value in signature.inputs.items()}
            signature.inputs.clear()
            for name, value in inputs.items():
                signature.inputs[name].CopyFrom(value)
        for node in graph.object_graph_def.nodes:
            if node.WhichOneof("kind") == "bare_concrete_function":
                function = node.bare_concrete_function
                function.argument_keywords[:] = [
                    names[argument] if names.get(argument) in accepted else argument
                    for argument in function.argument_keywords
                ]
                traced = graph.object_graph_def.concrete_functions[function.concrete_function_name]
                _, by_keyword = traced.canonicalized_input_signature.tuple_value.values
                for argument, value in by_keyword.dict_value.fields.items():
                    value.tensor_spec_value.name = names.get(argument, argument)
    file.write_bytes(model.SerializeToString(deterministic=True))
    # It identifies the file before the change.
    pathlib.Path(path, "fingerprint.pb").unlink(missing_ok=True)
