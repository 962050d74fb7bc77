"""The causes of errors."""

import pytest

from core.errors import chain, first_cause


def nested():
    try:
        try:
            raise ConnectionRefusedError(111, "Connection refused")
        except OSError as error:
            raise ValueError("no answer") from error
    except ValueError:
        raise RuntimeError("request failed\nafter three tries") from None


def test_the_first_cause_is_the_last_of_the_chain():
    with pytest.raises(RuntimeError) as caught:
        nested()
    assert [type(error) for error in chain(caught.value)] == [RuntimeError, ValueError, ConnectionRefusedError]
    assert first_cause(caught.value) == "[Errno 111] Connection refused"
    assert first_cause(KeyError()) == "KeyError"
    assert first_cause(RuntimeError("one\ntwo")) == "one"
