"""The objects that dotted paths name."""

import collections

import pytest

from core.config import named_objects


def test_an_object_is_loaded_by_its_dotted_path():
    assert named_objects.load("collections.OrderedDict") is collections.OrderedDict
    with pytest.raises(AttributeError, match="no_such"):
        named_objects.load("collections.no_such")
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        named_objects.load("no_such_module.name")
