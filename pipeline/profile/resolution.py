"""Resolves a configuration: profiles its table, infers the settings that are null, and checks all of them.

Example:
    resolved = resolve(settings.load(files="penguins.csv", label="species"))
    resolved.spec.label.classes  # ("Adelie", "Chinstrap", "Gentoo")
    resolved.reasons["year"]     # "3 different whole numbers"
"""

import dataclasses
from collections.abc import Mapping

import ingest
from core.config.sections import FeatureOptions
from core.spec import EXACT_DOUBLE, ISO_8601, TRUE_OR_FALSE, WHOLE_NUMBERS, Feature, Label, Spec
from ingest.sql.values import type_class
from pipeline.config.settings import Settings
from pipeline.profile.checks import run_checks, warnings
from pipeline.profile.label_inference import spec_label
from pipeline.profile.role_inference import InferredRole
from pipeline.profile.table_inference import infer
from pipeline.profile.table_profile import TableProfile, profile_table


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
        spec=spec_of(resolved, label, table),
        source=table.source,
        reasons={settings.label: f"{label.task}: {inferred.label.reason}"}
        | {column: role.reason for column, role in inferred.roles.items()},
        warnings=tuple(warnings(settings, table, inferred)),
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
        inferred["also_numeric"] = role.also_numeric or None
        features[column] = options.model_copy(update=inferred)
    updates = {"features": features, "task": label.task, "classes": label.classes, "other_columns": "ignore"}
    return settings.model_copy(update=updates)


def spec_of(settings: Settings, label: Label, table: TableProfile | None = None) -> Spec:
    """Returns the part of resolved settings that the stages need; without a table, requests have numbers as numbers."""
    features = []
    for column, options in settings.features.items():
        if options.kind != "ignore":
            given = options.model_dump(exclude_none=True)
            feature = Feature(column, payload=given.pop("type"), **given)
            features.append(_as_in_files(feature, table) if table else feature)
    model, preprocessing_fn = settings.model, settings.preprocessing_fn
    return Spec(label, tuple(features), settings.weight, model.family, dict(model.hyperparameters), preprocessing_fn)


def _as_in_files(feature: Feature, table: TableProfile) -> Feature:
    """Returns a feature with what the files say of it: its name there, and how requests write its values."""
    column = next((column for column in table.source.columns if column.name == feature.name), None)
    in_files = column.in_files if column else None
    return dataclasses.replace(feature, in_files=in_files, written=_written(feature, column, table))


def _written(feature: Feature, column: ingest.Column | None, table: TableProfile) -> str | None:
    """Returns how requests write the values of a feature as texts: see `Feature.written`."""
    if feature.payload != "int" or feature.repeated:
        return None
    profile = table.columns[feature.name]
    if column and _holds_texts(column, table.source):
        kind = type_class(column.type)
        if kind == "boolean" and profile.type_class == "boolean":
            return TRUE_OR_FALSE
        if kind == "moment" and feature.kind == profile.type_class == "timestamp":
            return column.format or ISO_8601
    if feature.kind == "timestamp":
        return ISO_8601 if feature.unit == "ns" else None
    ends = [end for end in (profile.low, profile.high) if isinstance(end, int)]
    return WHOLE_NUMBERS if any(abs(end) > EXACT_DOUBLE for end in ends) else None


def _holds_texts(column: ingest.Column, source: ingest.Source) -> bool:
    return ingest.READERS[source.format].holds_texts or type_class(column.type_in_files) == "text"
