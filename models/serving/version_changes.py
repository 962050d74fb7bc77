"""Changes which version of a model is stable or canary, and removes old ones.

Each function holds the lock of a push, changes `models.config` in one step, and logs who did what, when and why.
"""

import pathlib
import shutil

from core import text
from core.errors import UserError
from models.serving import model_versions, push_log
from models.serving.version_labels import Labels

LABELS = ("stable", "canary")


def promote(base: pathlib.Path, wanted: str, label: str, why: str = "") -> int:
    """Gives a label to a version, and returns the version.

    Args:
        base: the folder of the versions.
        wanted: a version as text, or `canary` for the one that has this label.
        label: `stable` or `canary`.
        why: the reason, for the log.

    Raises:
        UserError: there is no such version, it is damaged, or it has the label already.
    """
    with model_versions.alone(base):
        labels = model_versions.labels(base)
        version = _version(base, labels, wanted, "--promote")
        if labels.of(version):
            told = f"--promote {wanted}: version {version} is {labels.of(version)} already."
            if labels.of(version) == label:
                raise UserError(f"{told} Nothing was changed. --list shows the versions.")
            if label == "canary":
                raise UserError(f"{told} A canary is tried beside the stable version: name another version.")
        _check(base, version)
        model_versions.relabel(base, labels.moved(label, version), "promote", version, **_about(base, version, why))
        return version


def rollback(base: pathlib.Path, wanted: str | None = None, why: str = "") -> int:
    """Makes an older version stable, and returns it; newer ones stay in the folder.

    Args:
        base: the folder of the versions.
        wanted: a version as text; None for the newest older one that was stable and is not damaged. `canary` takes the
            canary's label away.
        why: the reason, for the log.

    Raises:
        UserError: there is no such version, it is damaged, or it is not older.
    """
    with model_versions.alone(base):
        labels = model_versions.labels(base)
        version = _version(base, labels, wanted, "--rollback") if wanted else _before(base, labels)
        if wanted == "canary":
            changed = Labels(labels.stable, None, labels.previous)
        elif version >= (labels.stable or 0):
            raise UserError(
                f"--rollback {wanted}: version {version} is not older than the stable version {labels.stable}. "
                f"Name an older one, or use --promote {version}."
            )
        else:
            _check(base, version)
            changed = labels.moved("stable", version)
        model_versions.relabel(base, changed, "rollback", version, **_about(base, version, why))
        return version


def keep(base: pathlib.Path, number: int, why: str = "") -> list[int]:
    """Removes all versions but the newest ones, and returns those that were removed; never the stable or the canary.

    Args:
        base: the folder of the versions.
        number: how many of the newest stay.
        why: the reason, for the log.

    Raises:
        UserError: the number is below 1.
    """
    if number < 1:
        raise UserError(f"--keep {number}: at least 1 was expected, the number of the newest versions that stay.")
    with model_versions.alone(base):
        labels = model_versions.labels(base)
        removed = [version for version in sorted(model_versions.versions(base))[:-number] if not labels.of(version)]
        if labels.previous in removed:  # a server must not look for it
            labels = Labels(labels.stable, labels.canary)
        for version in removed:
            model_versions.relabel(base, labels, "remove", version, **_about(base, version, why))
            hidden = base / f"{model_versions.TEMPORARY}{version}"
            (base / str(version)).rename(hidden)
            shutil.rmtree(hidden)
        return removed


def _version(base: pathlib.Path, labels: Labels, wanted: str, flag: str) -> int:
    """Returns the version that a person names by its number or its label."""
    if wanted in LABELS:
        found: int | None = getattr(labels, wanted)
        if found is None:
            raise UserError(f"{flag} {wanted}: no version is {wanted}. --promote VERSION --as {wanted} makes one.")
        return found
    known = [str(version) for version in sorted(model_versions.versions(base))]
    if wanted not in known:
        raise UserError(f"{flag} {wanted}: {text.unknown('version', wanted, [*known, *LABELS])}")
    return int(wanted)


def _before(base: pathlib.Path, labels: Labels) -> int:
    """Returns the newest version below the stable one that was stable once, and that is not damaged."""
    older = [version for version in model_versions.versions(base) if labels.stable and version < labels.stable]
    served = {entry.get("stable") for entry in push_log.entries(base)}
    # Versions that are older than the log may all have been stable.
    candidates = [version for version in older if version in served] or older
    whole = [version for version in candidates if not model_versions.damage(base / str(version))]
    if not whole:
        raise UserError(
            f"--rollback: there is no version below the stable version {labels.stable} that could be served. "
            "--list shows the versions."
        )
    return max(whole)


def _check(base: pathlib.Path, version: int) -> None:
    if damaged := model_versions.damage(base / str(version), contents=True):
        raise UserError(f"Version {version} is damaged: {damaged}. Nothing was changed. Name another version.")


def _about(base: pathlib.Path, version: int, why: str) -> dict[str, str]:
    return {"run": model_versions.run_of(base, version), "why": why}
