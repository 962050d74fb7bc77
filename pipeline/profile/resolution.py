"""From a configuration and one look at its data to what a run needs: every column's role, the task, and early errors.

Example:
    resolved = resolve(settings.load(files="penguins.csv", label="species"))
    resolved.spec.label.classes  # ("Adelie", "Chinstrap", "Gentoo")
    resolved.reasons["year"]     # "3 different whole numbers"
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import ingest
from core.errors import UserError
from core.sections import FeatureOptions
from core.spec import Feature, Label, Spec
from pipeline.config.messages import listing
from pipeline.config.settings import Settings, set_flag
from pipeline.config.yaml_reader import dump_inline
from pipeline.profile import data_checks, feature_roles, label_profile, split_checks, target_leakage
from pipeline.profile.role_inference import Facts, Guess
from pipeline.profile.table_queries import Table

_NEW = Guess("ignore", "text", "new, the configuration does not name it")
_SAMPLE_ROWS = 50_000
_SAMPLE_CELLS = 10_000_000


@dataclasses.dataclass(frozen=True)
class Profile:
    """What a table looks like.

    Attributes:
        source: how to read it again.
        rows: how many rows it has.
        facts: what each column looks like, in the table's order.
    """

    source: ingest.Source
    rows: int
    facts: Mapping[str, Facts]


@dataclasses.dataclass(frozen=True)
class Resolved:
    """A configuration that leaves nothing open.

    Attributes:
        settings: with every column's role and type, the task and the classes spelled out.
        spec: what the stages need of it.
        source: how to read the table.
        reasons: why each column, the label included, is taken as it is.
        warnings: what a person should know, a line each.
        split_reason: why the rows are split as they are.
    """

    settings: Settings
    spec: Spec
    source: ingest.Source
    reasons: Mapping[str, str]
    warnings: tuple[str, ...]
    split_reason: str = ""


def profile(settings: Settings) -> Profile:
    """Looks at the table that a configuration names.

    Raises:
        UserError: a file is missing or cannot be read, or the query fails.
    """
    source, table = _look(settings)
    return Profile(source, table.rows, table.facts())


def resolve(settings: Settings) -> Resolved:
    """Settles everything that a configuration leaves open, by one look at its data.

    A column that the configuration names keeps its role and type whatever the data hold; what does not fit is an error.

    Raises:
        UserError: the data cannot be read, or cannot be learned from as they are.
    """
    source, table = _look(settings)
    where = _name(settings)
    data_checks.columns_exist(settings, table, where)
    dropped = data_checks.drop_unlabelled(settings, table, where)
    facts = table.facts()
    split, split_reason = split_checks.choose(settings, table, facts)
    settings = settings.model_copy(update={"split": split})
    data_checks.nothing_all_null(settings, facts, where)
    label = label_profile.profile(settings, table, facts[settings.label], where)
    data_checks.weight_is_usable(settings, table, facts, where)
    split_checks.check(settings, table, facts, where)
    guesses = _roles(settings, table, facts, where)
    resolved = _spelled_out(settings, guesses, label.label)
    spec = _spec(resolved, label.label)
    if not spec.features:
        raise UserError(_no_features(where, guesses))
    data_checks.names_are_served((feature.name for feature in spec.features), where)
    warnings = [*label.warnings, *split_checks.check_classes(settings, table, label.label, where)]
    if dropped:
        source = table.without_null(source, settings.label)
        warnings.append(f"{dropped:,} of {dropped + table.rows:,} rows have no label and are left out.")
    warnings += _new_columns(guesses)
    if source.format == "csv":
        warnings += _missing_words(settings, spec, facts)
    warnings += _leaks(spec, table)
    reasons = {settings.label: label.reason} | {column: guess.reason for column, guess in guesses.items()}
    return Resolved(resolved, spec, source, reasons, tuple(warnings), split_reason)


def _look(settings: Settings) -> tuple[ingest.Source, Table]:
    data = settings.data
    as_text = [column for column, options in settings.features.items() if "text" in (options.type, options.kind)]
    source = ingest.discover(
        data.files,
        format=data.format,
        query=data.query,
        csv=data.csv.model_dump(exclude_none=True),
        types=dict.fromkeys(as_text, "VARCHAR"),
        memory=data.memory,
        on_bad_rows=data.on_bad_rows,
        max_bad_rows=data.max_bad_rows,
        num_spans=data.spans,
    )
    return source, Table(source)


def _name(settings: Settings) -> str:
    first, *others = settings.data.files
    return f"{first} and {len(others)} more" if others else first


def _roles(settings: Settings, table: Table, facts: Mapping[str, Facts], where: str) -> dict[str, Guess]:
    """Returns the role of every column other than the label and the weight, in the table's order."""
    special = {settings.label, settings.weight}
    by_split = {"column": "it says which split a row is in", "group": "it says which rows stay together in a split"}
    guesses = {}
    for column, each in facts.items():
        if column in special:
            continue
        given = settings.features.get(column)
        if given is None and column == settings.split.column and settings.split.by in by_split:
            guesses[column] = Guess("ignore", "text", by_split[settings.split.by])
        elif given is None and settings.other_columns == "ignore":
            guesses[column] = _NEW
        else:
            guesses[column] = feature_roles.decide(each, given, table, where)
    return guesses


def _spelled_out(settings: Settings, guesses: Mapping[str, Guess], label: Label) -> Settings:
    """Returns the settings with every column's options, the task and the classes."""
    features = {}
    for column, guess in guesses.items():
        if guess.kind == "ignore":
            features[column] = FeatureOptions(kind="ignore")
            continue
        given = settings.features.get(column, FeatureOptions())
        features[column] = given.model_copy(
            update={
                "kind": guess.kind,
                "type": guess.payload,
                "unit": guess.unit,
                "repeated": guess.repeated or None,
            }
        )
    updates = {"features": features, "task": label.task, "classes": label.classes, "other_columns": "ignore"}
    return settings.model_copy(update=updates)


def _spec(settings: Settings, label: Label) -> Spec:
    """Returns what the stages need of settings in which nothing is open."""
    features = tuple(
        Feature(name=column, **_known(options))
        for column, options in settings.features.items()
        if options.kind != "ignore"
    )
    model = settings.model
    return Spec(label, features, settings.weight, model.family, dict(model.hyperparameters), settings.preprocessing_fn)


def _known(options: FeatureOptions) -> dict[str, Any]:
    """Returns a feature's options by the names that `Feature` has for them, what is open left out."""
    known = options.model_dump(exclude_none=True)
    return {("payload" if option == "type" else option): value for option, value in known.items()}


def _no_features(where: str, guesses: Mapping[str, Guess]) -> str:
    reasons = "; ".join(f"`{column}`: {guess.reason}" for column, guess in list(guesses.items())[:8])
    return (
        f"{where}: no column is left that the model could learn from ({reasons or 'there is only the label'}). "
        "Name at least one under features, such as --set features.COLUMN=categorical."
    )


def _new_columns(guesses: Mapping[str, Guess]) -> list[str]:
    """Returns a warning where the table has columns that a resolved configuration does not know."""
    new = [column for column, guess in guesses.items() if guess is _NEW]
    listed = listing([f"`{column}`" for column in new])
    return [f"New columns are ignored: {listed}. To use one: --set features.COLUMN=ROLE"] if new else []


def _missing_words(settings: Settings, spec: Spec, facts: Mapping[str, Facts]) -> list[str]:
    """Returns a warning where texts look as if they meant that there is no value."""
    words = {each.name: facts[each.name].missing_word for each in spec.features if facts[each.name].missing_word}
    if not words:
        return []
    said = listing([f"{word!r} in `{column}`" for column, word in words.items()], 5)
    nulls = dump_inline(sorted({*(settings.data.csv.nulls or ()), *filter(None, words.values())}))
    return [f"Some texts may mean that a value is missing: {said}. To take them so: --set 'data.csv.nulls={nulls}'"]


def _leaks(spec: Spec, table: Table) -> list[str]:
    """Returns a warning for each feature that gives the label away."""
    single = {each.name: each.kind in ("numeric", "timestamp") for each in spec.features if not each.repeated}
    rows = min(_SAMPLE_ROWS, _SAMPLE_CELLS // (len(single) + 1))
    sample = table.sample([*single, spec.label.name], rows)
    found = target_leakage.find(sample, spec.label.name, spec.label.task, single)
    flags = [set_flag("features", feature, value="ignore") for feature in found]
    return target_leakage.warnings(found, spec.label.name, flags)
