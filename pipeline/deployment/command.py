"""Compiles a configuration for a platform, writes the file, and submits it where that is asked for."""

import dataclasses
import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from core import storage
from core.errors import UserError
from core.text import unknown
from pipeline.config.settings import Settings
from pipeline.deployment import context as deployed_context
from pipeline.deployment.runtime_parameters import PARAMETERS
from pipeline.deployment.submission import Submission
from pipeline.deployment.target import Target
from pipeline.run import terminal

_ROOTS = {"kubeflow": ("s3://", "gs://", "minio://"), "vertex": ("gs://",)}
_SUFFIXES = {"kubeflow": (".yaml", ".yml"), "vertex": (".yaml", ".yml", ".json")}


@dataclasses.dataclass(frozen=True)
class Request:
    """The arguments of `run_kubeflow.py`.

    Attributes:
        settings: the configuration as given.
        target: the platform.
        to: the file to write.
        submit: whether to start or to schedule the pipeline.
        dry_run: whether to print what would be sent, in place of sending it.
        host, schedule, wait: as in `Submission`.
        parameters: `NAME=VALUE` of runtime parameters.
    """

    settings: Settings
    target: Target
    to: Path
    submit: bool = False
    dry_run: bool = False
    host: str | None = None
    schedule: str | None = None
    wait: bool = False
    parameters: Sequence[str] = ()


def run(request: Request) -> int:
    """Does what a command asks for; returns the exit code.

    Raises:
        UserError: an argument, the configuration or the data are wrong, or the platform cannot be reached.
    """
    target = _checked(request)
    submission = (
        Submission(
            target,
            request.to,
            request.settings.name,
            parameter_values(request.parameters),
            request.host,
            request.schedule,
            request.wait,
        )
        if request.submit or request.dry_run
        else None
    )
    made, warnings = deployed_context.make(request.settings, target.pipeline_root)
    for warning in warnings:
        print(f"! {warning}", file=sys.stderr)
    with terminal.output_to(Path(os.devnull)):  # TensorFlow's C++ code prints while it starts
        from pipeline.deployment import compiler, stage_options

        job = compiler.compile_stages(made, target)
    spec = job["pipelineSpec"]
    documents = [spec]
    if target.platform == "kubeflow" and (platform := stage_options.kubernetes(spec, made.settings.deploy)):
        documents.append(platform)
    is_json = request.to.suffix == ".json"
    try:
        storage.write_text(request.to, json.dumps(job, sort_keys=True, indent=1) if is_json else to_yaml(documents))
    except OSError as error:
        raise UserError(f"--to {request.to} cannot be written: {error.strerror}. Name another file.") from None
    if submission is None:
        print(f"written: {request.to}")
    elif request.dry_run:
        print(json.dumps(submission.describe(), indent=2))
    else:
        with terminal.output_to(Path(os.devnull)):  # the clients print warnings and retries
            line = submission.send()
        print(line)
    return 0


def to_yaml(documents: Sequence[Mapping[str, Any]]) -> str:
    """Returns documents as YAML: equal ones give equal texts."""
    return yaml.safe_dump_all(documents, sort_keys=True, width=200, allow_unicode=True)


def parameter_values(given: Sequence[str]) -> dict[str, Any]:
    """Returns the values of runtime parameters, from texts such as `training_epochs=5`.

    Raises:
        UserError: there is no such parameter, or the value is not of its type.
    """
    types = {parameter.name: parameter.type for parameter in PARAMETERS}
    values: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise UserError(f"--parameter {text} is not of the form NAME=VALUE. Write it like training_epochs=5.")
        if name not in types:
            raise UserError(unknown("runtime parameter", name, list(types)))
        try:
            values[name] = types[name](value)
        except ValueError:
            raise UserError(f"--parameter {text}: a whole number was expected. Write it like {name}=5.") from None
    return values


def _checked(request: Request) -> Target:
    """Returns the target, its pipeline root without a slash at the end.

    Raises:
        UserError: the image, the pipeline root or the file cannot be used, or flags do not fit together.
    """
    target, platform = request.target, request.target.platform
    if not (request.submit or request.dry_run) and (request.schedule or request.wait or request.parameters):
        raise UserError("--schedule, --wait and --parameter say how to start the pipeline. Add --submit.")
    if request.schedule and request.wait:
        raise UserError("--wait waits for the end of one run, and --schedule starts many. Leave one of them out.")
    if not re.fullmatch(r"[\w][\w.:/@-]*", target.image):
        raise UserError(f"--image {target.image!r} is not the name of an image. Write it like registry/skewless:1.0.")
    root = target.pipeline_root.rstrip("/")
    if not re.fullmatch(rf"({'|'.join(_ROOTS[platform])})[^/\s]+(/[^\s]*)?", root):
        raise UserError(
            f"--pipeline-root {target.pipeline_root} is not a folder in a bucket. Write it like "
            f"{_ROOTS[platform][0]}BUCKET/FOLDER ({', '.join(_ROOTS[platform])})."
        )
    if request.to.suffix not in _SUFFIXES[platform]:
        raise UserError(
            f"--to {request.to}: a file named {' or '.join(_SUFFIXES[platform])} was expected for {platform}."
        )
    return dataclasses.replace(target, pipeline_root=root)
