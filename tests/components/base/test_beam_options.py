"""Tests the check of Beam's options."""

import pytest

from components.base import beam_options
from core.errors import UserError


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--direct_num_workers=2"],
        ["--runner=FnApiRunner"],
        ["--runner=FlinkRunner", "--flink_master=localhost:8081", "--environment_type=LOOPBACK"],
        ["--runner=SparkRunner", "--spark_master_url=local[2]"],
        ["--runner=DataflowRunner", "--project=p", "--region=europe-west1", "--temp_location=gs://bucket/temp"],
    ],
)
def test_options_that_beam_takes(options):
    beam_options.check(options)


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ("--direct_num_workers=many", "argument --direct_num_workers: invalid int value: 'many'. Correct"),
        ("--direct_running_mode=fast", "argument --direct_running_mode: invalid choice: 'fast'"),
        ("--num_workers=many", "argument --num_workers: invalid int value: 'many'. Correct"),
        ("--runner=Nope", "Unexpected pipeline runner: Nope. Valid values are"),
        ("--runner=nope.Runner", "nope"),
    ],
)
def test_an_option_that_beam_cannot_read_is_the_users_error(option, reason, capsys):
    with pytest.raises(UserError) as raised:
        beam_options.check([option])
    assert str(raised.value).startswith("beam: ")
    assert ".." not in str(raised.value)
    assert reason in str(raised.value)
    assert capsys.readouterr().err == ""
