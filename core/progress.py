"""Reports the progress of the running stage through logging; a display attaches a handler."""

import logging

logger = logging.getLogger("skewless.progress")


def report(text: str, done: float | None = None, total: float | None = None) -> None:
    """Tells how far the running stage has come.

    Args:
        text: what is seen, such as `120,000 rows, 350,000 rows/s`.
        done: how much is done, in the unit of `total`.
        total: how much there is in all; None where nobody knows.
    """
    logger.info(text, extra={"done": done, "total": total})
