"""Resolves a configuration: profiles its table, infers the settings that are null, and checks all of them.

Example:
    resolved = resolve(settings.load(files="penguins.csv", label="species"))
    resolved.spec.label.classes  # ("Adelie", "Chinstrap", "Gentoo")
    resolved.reasons["year"]     # "3 different whole numbers"
"""

import dataclasses
from collections.abc import Iterator, Mapping

import ingest
from core.config_sections import FeatureOptions
from core.spec import Feature, Label, Spec
from core.text import listing
from pipeline.config.settings import Settings, set_flag
from pipeline.config.yaml_reader import dump_inline
from pipeline.profile.checks import absent_classes, run_checks, split_sizes
from pipeline.profile.label_inference import spec_label
from pipeline.profile.role_inference import NEW, InferredRole
from pipeline.profile.table_inference import Inferred, infer
from pipeline.profile.table_profile import TableProfile, profile_table
from pipeline.profile.target_leakage import leaking_features


@dataclasses.dataclass(frozen=True)
class Resolved:
    """A configuration without null settings, and what follows from it.

    Attributes:
        settings: the configuration with every column's role and type, the task and the classes.
        spec: the part of it that the stages need.
        source: how to read the table.
        reasons: why each column, including the label, has its role.
        warnings: what the user should know, one line each.
        split_reason: why the rows are split as they are.
    """

    settings: Settings
    spec: Spec
    source: ingest.Source
    reasons: Mapping[str, str]
    warnings: tuple[str, ...]
    split_reason: str = ""


def resolve(settings: Settings) -> Resolved:
    """Returns the configuration with its null settings inferred from its table.

    A column that the configuration names keeps its role and type; data that do not fit them are an error.

    Raises:
        UserError: the data cannot be read, or a check finds a problem.
    """
    table = profile_table(settings)
    settings = settings.model_copy(update={"split": table.split})
    inferred = infer(settings, table)
    run_checks(settings, table, inferred)
    label = spec_label(settings, table.columns[settings.label], inferred.label)
    resolved = _resolved_settings(settings, inferred.roles, label)
    return Resolved(
        settings=resolved,
        spec=spec_of(resolved, label),
        source=table.source,
        reasons={settings.label: f"{label.task}: {inferred.label.reason}"}
        | {column: role.reason for column, role in inferred.roles.items()},
        warnings=tuple(_warnings(settings, table, inferred, label)),
        split_reason=table.split_reason,
    )


def _resolved_settings(settings: Settings, roles: Mapping[str, InferredRole], label: Label) -> Settings:
    """Returns the settings with every column's options, the task and the classes."""
    features = {}
    for column, role in roles.items():
        if role.kind == "ignore":
            features[column] = FeatureOptions(kind="ignore")
            continue
        options = settings.features.get(column, FeatureOptions())
        inferred = {"kind": role.kind, "type": role.payload, "unit": role.unit, "repeated": role.repeated or None}
        features[column] = options.model_copy(update=inferred)
    updates = {"features": features, "task": label.task, "classes": label.classes, "other_columns": "ignore"}
    return settings.model_copy(update=updates)


def spec_of(settings: Settings, label: Label) -> Spec:
    """Returns the part of resolved settings that the stages need."""
    features = []
    for column, options in settings.features.items():
        if options.kind != "ignore":
            given = options.model_dump(exclude_none=True)
            features.append(Feature(column, payload=given.pop("type"), **given))
    model, preprocessing_fn = settings.model, settings.preprocessing_fn
    return Spec(label, tuple(features), settings.weight, model.family, dict(model.hyperparameters), preprocessing_fn)


def _warnings(settings: Settings, table: TableProfile, inferred: Inferred, label: Label) -> Iterator[str]:
    """Yields what the user should know of a table that has passed its checks."""
    for name in label.classes:
        if name not in inferred.label.class_rows:
            yield f"{table.name}: the label `{label.name}` has no row of the class {name!r}."
    for split, absent in absent_classes(table, inferred).items():
        yield f"The {split} split has no row of the class {listing(absent)} {split_sizes(settings, table)}"
    if table.unlabelled:
        rows = table.rows + table.unlabelled
        yield f"{table.unlabelled:,} of {rows:,} rows have no label and are left out."
    new = [f"`{column}`" for column, role in inferred.roles.items() if role == NEW]
    if new:
        yield f"New columns are ignored: {listing(new)}. To use one: --set features.COLUMN=ROLE"
    yield from _missing_words(settings, table, inferred)
    yield from _target_leakage(table, inferred, label)


def _missing_words(settings: Settings, table: TableProfile, inferred: Inferred) -> Iterator[str]:
    """Yields a warning where texts of CSV files may stand for missing values."""
    words = {column: table.columns[column].missing_word for column in inferred.features}
    found = {column: word for column, word in words.items() if word}
    if found and ingest.READERS[table.source.format].has_dialect:
        examples = listing([f"{word!r} in `{column}`" for column, word in found.items()], 5)
        nulls = dump_inline(sorted({*(settings.data.csv.nulls or ()), *found.values()}))
        yield f"Some texts may stand for missing values: {examples}. To read them so: --set 'data.csv.nulls={nulls}'"


def _target_leakage(table: TableProfile, inferred: Inferred, label: Label) -> Iterator[str]:
    """Yields a warning for each feature that gives the label away."""
    ordered = {
        column: role.kind in ("numeric", "timestamp") for column, role in inferred.features.items() if not role.repeated
    }
    for feature, how in leaking_features(table.sample, label.name, label.task, ordered).items():
        yield (
            f"`{feature}` may give away the label `{label.name}`: {how}. If it is not known when predictions are made, "
            f"leave it out: {set_flag('features', feature, value='ignore')}"
        )
