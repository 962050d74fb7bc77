"""Checks the options of Beam's runner before the first stage starts."""

import contextlib
import io
from collections.abc import Sequence

from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.runners import runner

from core.errors import UserError


def check(options: Sequence[str]) -> None:
    """Checks that Beam knows the runner and can read the value of each option.

    Raises:
        UserError: it cannot.
    """
    with contextlib.redirect_stderr(io.StringIO()) as printed:
        try:
            parsed = PipelineOptions(list(options))
            parsed.get_all_options()
            if name := parsed.view_as(StandardOptions).runner:
                runner.create_runner(name)
        except SystemExit:  # Beam's parser prints its reason as a command does
            reason = printed.getvalue().strip().rpartition("error: ")[2]
        except (ValueError, ImportError, AttributeError) as error:
            reason = str(error)
        else:
            return
    raise UserError(f"beam: {reason.rstrip('.')}. Correct the option under `beam:` in the configuration.")
