"""Loads, checks and writes the configuration of a run. It imports neither NumPy nor TensorFlow.

Example:
    settings = load(Path("pipeline/datasets/taxi.yaml"), sets=["train.epochs=3"])
    settings.train.epochs  # 3
"""

import glob
import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
from pydantic import AfterValidator, Field, model_validator

from core import storage
from core.config import deployment, review, sections
from core.config.sections import FeatureOptions
from core.config.types import Column, Section, Texts, check_dotted_path, check_name
from core.errors import UserError
from core.spec import Task
from core.text import did_you_mean
from models import families
from pipeline.config import dotted_path, messages, registries, yaml_reader


def _check_model(model: sections.Model) -> sections.Model:
    """Returns the model as it is; ValueError where its family or a hyperparameter is not known."""
    try:
        families.check(model.family, model.hyperparameters)
    except UserError as error:
        raise ValueError(str(error)) from None
    return model


class Settings(Section):
    """The whole configuration of a run."""

    name: Annotated[str, AfterValidator(check_name)]
    """the name of the run, whose folder is runs/NAME; by default that of the configuration or the data"""
    data: sections.Data
    """the table"""
    label: Column
    """the column to predict"""
    task: Task | None = None
    """the kind of prediction; null: inferred from the label"""
    classes: Texts = ()
    """the classes of the label in the order of the scores; by default all, sorted"""
    weight: Column | None = None
    """the column of the row weights; null: all rows count the same"""
    split: sections.Split = sections.Split()
    """the split of the rows into train, eval and test"""
    features: dict[str, FeatureOptions] = {}
    """the columns that the model sees, or those whose role is not to be inferred"""
    other_columns: Literal["infer", "ignore"] = "infer"
    """whether the roles of columns that are not named under features are inferred, or the columns are ignored"""
    preprocessing_fn: Annotated[str, AfterValidator(check_dotted_path)] | None = None
    """the dotted path of a tf.Transform preprocessing_fn; null: the project's"""
    schema_file: str | None = None
    """a curated schema; null: CONFIG.schema.pbtxt beside the configuration, or an inferred one"""
    statistics: sections.Statistics = sections.Statistics()
    """the statistics of the splits"""
    validation: sections.Validate = Field(default=sections.Validate(), alias="validate")
    """the conditions under which the data stop a run"""
    model: Annotated[sections.Model, AfterValidator(_check_model)] = sections.Model()
    """the model that is trained"""
    tune: sections.Tune = sections.Tune()
    """the search for hyperparameters"""
    train: sections.Train = sections.Train()
    """the training of the final model"""
    evaluate: sections.Evaluate = sections.Evaluate()
    """the evaluation on test"""
    challengers: review.Challengers = ()
    """estimators of other libraries that the model is compared with on test"""
    card: review.Card = review.Card()
    """the model card"""
    score: review.Score = review.Score()
    """the ML Test Score"""
    track: review.Track = review.Track()
    """the servers that a run is logged to"""
    gpu: review.Gpu = review.Gpu()
    """what is assumed of a GPU in the advice at the end of a run"""
    serve: deployment.Serve = deployment.Serve()
    """the conditions that the served model must meet"""
    beam: deployment.Beam = deployment.Beam()
    """the engine that runs the data stages"""
    deploy: deployment.Deploy = deployment.Deploy()
    """the deployment on Kubeflow Pipelines or Vertex AI"""

    @model_validator(mode="after")
    def _columns_have_one_job(self) -> "Settings":
        options_of_label = self.features.get(self.label)
        if options_of_label and options_of_label.kind != "ignore":
            raise ValueError(f"`{self.label}` is the label and stands under features too. Take it out of features.")
        if self.weight == self.label:
            raise ValueError(f"`{self.label}` is both label and weight. Name another column as weight.")
        if self.classes and self.task == "regression":
            raise ValueError("classes are given for a regression. Leave them out, or set task to binary or multiclass.")
        if len(set(self.classes)) < len(self.classes):
            raise ValueError(f"classes names a class twice: {', '.join(self.classes)}. Keep each once.")
        names = [challenger.name for challenger in self.challengers]
        if len(set(names)) < len(names):
            raise ValueError(f"two challengers have the same name: {', '.join(names)}. Give each its own.")
        return self


def load(
    config: str | Path | None = None,
    files: str | Sequence[str] | None = None,
    label: str | None = None,
    name: str | None = None,
    sets: Sequence[str] = (),
) -> Settings:
    """Reads a configuration, applies the flags to it, and checks the result.

    Args:
        config: the YAML file; None where `files` and `label` are given.
        files: in place of `data.files`.
        label: in place of `label`.
        name: in place of `name`, which is otherwise the configuration's or the first file's name.
        sets: `KEY.KEY=VALUE`, the value in YAML, applied in this order.

    Raises:
        UserError: it is not valid; the message names the field, the value and what is accepted.
    """
    path = Path(config) if config is not None else None
    values, places = _read(path) if path else ({}, {})
    for flag, given in _flags(files, label, name, sets):
        values = yaml_reader.merged(values, given)
        places |= dict.fromkeys(yaml_reader.leaves(given), flag)
    if path is None and not (values.get("data") and "label" in values):
        missing = "--label is missing, the column to predict" if values.get("data") else "There is no configuration"
        raise UserError(f"{missing}. Give a YAML file, or both --data FILES and --label COLUMN.")
    values.setdefault("name", _default_name(path, values))
    where = str(path) if path else "the command line"
    try:
        settings = Settings.model_validate(values)
    except pydantic.ValidationError as error:
        raise UserError(messages.explain(error, Settings, where, places)) from None
    problems = [f"{messages.place(path, where, places)}: {problem}" for path, problem in registries.problems(settings)]
    if problems:
        raise UserError("\n".join(problems))
    if settings.train.augmentation:
        dotted_path.check_function(settings.train.augmentation, "train.augmentation")
    if settings.preprocessing_fn:
        dotted_path.check_function(settings.preprocessing_fn, "preprocessing_fn")
    for challenger in settings.challengers:
        for named in challenger.paths:
            what = "the estimator" if named == challenger.estimator else "an object"
            dotted_path.check_function(named, f"{what} of challenger {challenger.name}")
    return _with_paths(settings, path.parent if path else Path(), path)


def write(settings: Settings, path: str | Path) -> None:
    """Writes settings as YAML that `load` reads again, in one step: a reader never sees half a file."""
    storage.write_text(path, to_yaml(settings))


def to_yaml(settings: Settings) -> str:
    """Returns settings as YAML in the order of the fields, what is None left out."""
    return yaml_reader.dump(settings.model_dump(mode="json", exclude_none=True))


def set_flag(*keys: str, value: Any) -> str:
    """Returns the flag that a person can type, quotes for the shell included: `--set features.x=ignore`."""
    setting = f"{yaml_reader.join_path(keys)}={yaml_reader.dump_plain(value)}"
    escaped = re.sub(r'(["\\$`])', r"\\\1", setting)
    in_double_quotes = [f'"{escaped}"'] if "!" not in setting else []  # bash replaces it by an earlier command
    return f"--set {min([shlex.quote(setting), *in_double_quotes], key=len)}"


def _read(path: Path) -> tuple[dict[str, Any], dict[yaml_reader.Path, str]]:
    """Returns what a YAML file says, and where it says each key."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise UserError(_no_such_file(path)) from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: byte {error.start} is not UTF-8. Save the configuration as UTF-8.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}. Give a YAML file.") from None
    values, lines = yaml_reader.parse(text, str(path))
    if not isinstance(values, dict):
        found = "is empty" if values is None else f"holds {messages.shown(values)}"
        raise UserError(
            f"{path} {found}, expected a mapping. It needs at least `data: {{files: ...}}` and `label: ...`."
        )
    features = values.get("features")
    if isinstance(features, dict):  # as mappings, so that a flag can add an option to a bare role
        values["features"] = {
            column: {"kind": role} if isinstance(role, str) else role for column, role in features.items()
        }
    return values, {keys: f"{path}:{line}" for keys, line in lines.items()}


def _no_such_file(path: Path) -> str:
    folder = path.parent
    names = sorted(file.name for file in folder.glob("*.y*ml")) if folder.is_dir() else []
    hint = did_you_mean(path.name, names)
    if path.suffix.lower() not in (".yaml", ".yml"):
        hint = hint or " For data without a configuration, give --data FILES --label COLUMN."
    return f"There is no configuration {path}.{hint or ' Give the path of a YAML file.'}"


def _flags(
    files: str | Sequence[str] | None, label: str | None, name: str | None, sets: Sequence[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields each flag that was given, as typed and as a part of the configuration."""
    if files is not None:
        yield "--data", {"data": {"files": [files] if isinstance(files, str) else list(files)}}
    if label is not None:
        yield "--label", {"label": label}
    if name is not None:
        yield "--name", {"name": name}
    yield from set_flags(sets)


def set_flags(sets: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields each flag `--set KEY.KEY=VALUE` as typed and as a part of the configuration.

    Raises:
        UserError: a flag is not of that form.
    """
    for text in sets:
        match = re.fullmatch(f"({yaml_reader.PATH})=(.*)", text, re.DOTALL)
        if not match:
            raise UserError(f"--set {text} is not of the form KEY.KEY=VALUE. Write it like --set train.epochs=3.")
        keys, value = yaml_reader.split_path(match[1]), yaml_reader.parse(match[2], f"--set {match[1]}")[0]
        if keys[0] == "features" and len(keys) == 2 and isinstance(value, str):
            value = {"kind": value}
        yield f"--set {text}", yaml_reader.nested(keys, value)


def _default_name(config: Path | None, values: Mapping[str, Any]) -> str:
    """Returns a name made of the configuration's or else of the first file's name."""
    data = values.get("data")
    files = data.get("files") if isinstance(data, Mapping) else None
    first = files[0] if isinstance(files, list) and files else files
    parts = [config.stem] if config else [part.split(".")[0] for part in reversed(Path(str(first)).parts)]
    cleaned = (re.sub(r"[^A-Za-z0-9_.-]+", "-", part).strip("-.") for part in parts if not re.search(r"[*?\[{]", part))
    return next((part for part in cleaned if part), "table")[:100]


def _with_paths(settings: Settings, folder: Path, config: Path | None) -> Settings:
    """Returns the settings with paths that hold from the current folder, and the schema beside the configuration."""
    files = tuple(_found_from(folder, file) for file in settings.data.files)
    schema = settings.schema_file and _found_from(folder, settings.schema_file)
    beside = config.with_suffix(".schema.pbtxt") if config else None
    if schema is None and beside and beside.is_file():
        schema = str(beside)
    if schema and not Path(schema).is_file():
        raise UserError(
            f"schema_file: there is no file {schema}. Correct the path, or take schema_file out to infer one."
        )
    data = settings.data.model_copy(update={"files": files})
    return settings.model_copy(update={"data": data, "schema_file": schema})


def _found_from(folder: Path, file: str) -> str:
    """Returns a path or pattern as it is where it leads somewhere from here, else from the configuration's folder."""
    if file.startswith("package:") or "://" in file or os.path.isabs(os.path.expanduser(file)):
        return file
    return str(folder / file) if not _leads(Path(), file) and _leads(folder, file) else file


def _leads(folder: Path, file: str) -> bool:
    """Returns whether a path or pattern leads to a file from a folder."""
    pattern = os.path.join(glob.escape(str(folder)), re.sub(r"\{[A-Z]+(:\d+)?\}", "*", file))
    return (folder / file).exists() or next(glob.iglob(pattern, recursive=True), None) is not None
