"""Makes the garbage collections between the trials of a search short."""

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def only_new() -> Iterator[None]:
    """In the block, garbage collections look only at objects that were made in it.

    `keras.backend.clear_session` collects before every trial, and would look at all objects of the imported libraries
    and of the data each time.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
