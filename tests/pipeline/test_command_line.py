"""How errors end a command, and what its parser takes from the docstring."""

import pytest

from core.errors import GateError, UserError
from pipeline import command_line


def raising(error):
    def work():
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UserError("There is no column 'fare'."), 2, "error: There is no column 'fare'.\n"),
        (GateError("The model is worse."), 3, "error: The model is worse.\n"),
        (PermissionError(13, "Permission denied", "a.csv"), 2, "error: a.csv: Permission denied. Check the path and "),
        (KeyboardInterrupt(), 130, "stopped; nothing was written.\n"),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(error, code, message, capsys):
    assert command_line.run(raising(error), "stopped; nothing was written.") == code
    captured = capsys.readouterr()
    assert captured.err.startswith(message)
    assert (captured.out, captured.err.count("\n")) == ("", 1)


def test_an_internal_error_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        command_line.run(raising(ZeroDivisionError()))


def test_the_code_of_the_work_is_that_of_the_command():
    assert command_line.run(lambda: 3) == 3


def test_the_docstring_describes_the_command_and_its_exit_codes(capsys):
    docstring = "Counts rows.\n\n    python pipeline/count.py FILE\n\nExit codes: 0 counted; 2 there\nis no file.\n"
    with pytest.raises(SystemExit):
        command_line.parser("count.py", docstring).parse_args(["--help"])
    assert capsys.readouterr().out.split("\n\n") == [
        "usage: count.py [-h]",
        "Counts rows.",
        "options:\n  -h, --help  show this help message and exit",
        "Exit codes: 0 counted; 2 there is no file.\n",
    ]
