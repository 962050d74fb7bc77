"""Tests of models/tuning/garbage.py."""

import gc
import weakref

import pytest

from models.tuning import garbage


class _Cycle:
    def __init__(self) -> None:
        self.itself = self


def test_a_collection_frees_what_was_made_in_the_block():
    with garbage.only_new():
        made = weakref.ref(_Cycle())
        gc.collect()
        assert made() is None


def test_a_collection_looks_at_no_object_from_before():
    before = _Cycle()
    with garbage.only_new():
        assert not any(found is before for found in gc.get_objects())
    assert any(found is before for found in gc.get_objects())


def test_an_error_ends_the_block_as_well():
    with pytest.raises(ValueError, match="wrong"), garbage.only_new():
        raise ValueError("wrong")
    assert gc.get_freeze_count() == 0


def test_garbage_from_before_is_freed():
    made = weakref.ref(_Cycle())
    with garbage.only_new():
        assert made() is None
