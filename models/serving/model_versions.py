"""Writes and finds versions of a served model: folders with growing numbers, each of which appears when it is complete.

Without TensorFlow: the graph looks up versions when it is built.
"""

import contextlib
import dataclasses
import errno
import fcntl
import json
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping

from core import digests, manifests, storage
from core.errors import UserError
from models.serving import push_log, version_labels
from models.serving.version_labels import Labels

# In a version beside the SavedModel: how its training read tables, and the fingerprints of the stages that made it.
METADATA_FILE = "assets.extra/skewless.json"
# The statistics of the data that it was trained on, as `Split-NAME/FeatureStats.pb`.
STATISTICS_FOLDER = "assets.extra/statistics"
# Rows of test with their label, with which requests are compared: a Parquet file of Examples.
REFERENCE_FILE = "assets.extra/reference.parquet"
# Where TensorFlow Serving looks for requests to play to itself.
WARM_UP_FILE = "assets.extra/tf_serving_warmup_requests"
# Examples of clients for its columns.
CLIENTS_FOLDER = "assets.extra/clients"
# The other files of a version with their sizes and digests, for `core.manifests`.
MANIFEST_FILE = "assets.extra/files.json"
# The prefix of an unfinished version: no model server takes it for one.
TEMPORARY = ".push-"


@dataclasses.dataclass(frozen=True)
class Version:
    """A version of the served model; `new` if this push made it. The path of one in an object store is its URI."""

    path: pathlib.Path | str
    version: int
    new: bool


def push(model: pathlib.Path, base: pathlib.Path, extra: Mapping[str, bytes], run: str = "") -> Version:
    """Makes a model the newest version below a folder, and stable; if it is the newest already, nothing changes.

    So a version that was rolled back does not become stable again because a run gives the same model once more.

    Args:
        model: the folder of a SavedModel.
        base: the folder of the versions.
        extra: further files of the version, by path in it.
        run: where the run that made the model has it, for the log.

    Raises:
        UserError: the disk is full, or the folder cannot be written. What was served before is untouched.
    """
    try:
        base.mkdir(parents=True, exist_ok=True)
        with alone(base):
            listed = manifest(model, extra)
            version = max(versions(base), default=0)
            path = base / str(version)
            same = storage.read_json(path / MANIFEST_FILE) == listed if version else False
            new = not same or bool(damage(path, contents=True))
            before = labels(base)
            if new:
                version, path = version + 1, base / str(version + 1)
                _place(model, path, {**extra, MANIFEST_FILE: json.dumps(listed).encode()})
            if new or not is_logged(base, version):
                relabel(base, before.moved("stable", version), "push", version, run=run)
            return Version(path, version, new)
    except OSError as error:
        raise UserError(_explain(error, base)) from error


def manifest(model: pathlib.Path, extra: Mapping[str, bytes]) -> dict[str, list[int | str]]:
    """Returns the files of a version with their sizes and digests."""
    added: dict[str, list[int | str]] = {name: [len(file), digests.of_bytes(file)] for name, file in extra.items()}
    found = {**manifests.of_folder(model), **added}
    found.pop(MANIFEST_FILE, None)  # a version of another folder has one
    return found


def is_logged(base: pathlib.Path, version: int) -> bool:
    """Returns whether the log names a version; where it does not, the push was killed before its last step."""
    return any(entry.get("version") == version for entry in push_log.entries(base))


def warm_up_file(infra_blessing: str) -> str:
    """Returns the file of the requests that warm up a model server, in the folder of a blessing."""
    return os.path.join(infra_blessing, os.path.basename(WARM_UP_FILE))


def clients_folder(infra_blessing: str) -> str:
    """Returns the folder of the examples of clients, in the folder of a blessing."""
    return os.path.join(infra_blessing, os.path.basename(CLIENTS_FOLDER))


def versions(base: pathlib.Path) -> list[int]:
    """Returns the versions below a folder, in no order; none where there is no such folder."""
    return [int(path.name) for path in base.glob("*") if path.name.isdecimal() and path.is_dir()]


def labels(base: pathlib.Path) -> Labels:
    """Returns which of the versions below a folder are stable and canary."""
    return version_labels.read(base, versions(base))


def relabel(base: pathlib.Path, changed: Labels, action: str, version: int, **more: str) -> None:
    """Writes the labels of the versions below a folder, and logs that; the caller holds the lock of `alone`.

    Args:
        base: the folder.
        changed: the labels.
        action: what was done, for the log.
        version: to which version.
        more: further fields of the log; those that are empty are left out.
    """
    version_labels.write(base, changed)
    known = {name: value for name, value in more.items() if value}
    push_log.append(base, action, version, stable=changed.stable, canary=changed.canary, **known)


def stable(folder: pathlib.Path) -> pathlib.Path | None:
    """Returns a version: the folder itself where it is one, else the stable one below it; None without any."""
    return folder if (folder / "saved_model.pb").exists() else next(_stable_first(folder), None)


def damage(version: pathlib.Path, contents: bool = False) -> str:
    """Returns what is wrong with a version: a file that is missing or has changed since the push; empty for nothing.

    Args:
        version: the folder of the version. Where it was not pushed by this package, it has to hold a SavedModel.
        contents: whether the contents of the files are compared too, and not their sizes alone.
    """
    if not (version / "saved_model.pb").is_file():
        return f"{version / 'saved_model.pb'} is missing"
    return manifests.difference(version, storage.read_json(version / MANIFEST_FILE), contents)


def find_version(folder: pathlib.Path) -> pathlib.Path:
    """Returns the version that a person names by `--model`: `stable` of the folder, or of `serving` in a run's folder.

    Raises:
        UserError: there is none, or it is damaged.
    """
    if not folder.is_dir():
        raise UserError(f"--model {folder}: there is no such folder. A run leaves its models in runs/NAME/serving.")
    found = stable(folder) or stable(folder / "serving")
    if found is None:
        raise UserError(
            f"--model {folder} holds no version of a model (a folder named by a number). "
            "A run leaves its models in runs/NAME/serving, if they pass their gates."
        )
    if damaged := damage(found):
        raise UserError(
            f"--model {found} is damaged: {damaged}. Run the pipeline again, which pushes the model anew, or name "
            "another version."
        )
    return found


def find_versions(folder: pathlib.Path) -> pathlib.Path:
    """Returns the folder of versions that a person names by `--model`: the folder itself, or `serving` in a run's.

    Raises:
        UserError: there is none.
    """
    if not folder.is_dir():
        raise UserError(f"--model {folder}: there is no such folder. A run leaves its models in runs/NAME/serving.")
    if (folder / "saved_model.pb").exists():
        raise UserError(f"--model {folder} is one version. The folder of all versions was expected: {folder.parent}.")
    found = next((base for base in (folder, folder / "serving") if versions(base)), None)
    if found is None:
        raise UserError(
            f"--model {folder} holds no version of a model (a folder named by a number). "
            "A run leaves its models in runs/NAME/serving, if they pass their gates."
        )
    return found


def champion(base: pathlib.Path, candidate: str) -> pathlib.Path | None:
    """Returns the version that a candidate has to beat: the stable one.

    Where that is damaged or the candidate itself, it is the newest older version for which neither holds.

    Args:
        base: the folder of the versions.
        candidate: the digest of the Trainer's fingerprint.
    """
    versions_of_others = (path for path in _stable_first(base) if _fingerprint(path, "Trainer") != candidate)
    return next((path for path in versions_of_others if not damage(path)), None)


def previous_statistics(base: pathlib.Path, statistics: str) -> pathlib.Path | None:
    """Returns the folder of the statistics in the version that `of_other_data` returns; None without any."""
    version = of_other_data(base, statistics)
    return version and version / STATISTICS_FOLDER


def of_other_data(base: pathlib.Path, statistics: str) -> pathlib.Path | None:
    """Returns the stable version, or the newest older one, that was made with other statistics.

    A run that is repeated so finds the same version, though its own has been pushed since.

    Args:
        base: the folder of the versions; those without statistics are left out.
        statistics: the digest of StatisticsGen's fingerprint.
    """
    for path in _stable_first(base):
        others = _fingerprint(path, "StatisticsGen") not in (None, statistics)
        if others and (path / STATISTICS_FOLDER).is_dir() and not damage(path):
            return path
    return None


def statistics_in(folder: pathlib.Path) -> pathlib.Path | None:
    """Returns a folder of statistics: the folder itself, or else that of the stable or an older version."""
    if next(folder.glob("Split-*"), None):
        return folder
    return next((found for path in _stable_first(folder) if (found := path / STATISTICS_FOLDER).is_dir()), None)


def _stable_first(base: pathlib.Path) -> Iterator[pathlib.Path]:
    """Returns the stable version, then older ones. Newer ones are canaries, or were rolled back."""
    newest = labels(base).stable or 0
    return (base / str(version) for version in sorted(versions(base), reverse=True) if version <= newest)


def run_of(base: pathlib.Path, version: int) -> str:
    """Returns where the run that pushed a version had the model, as the log has it; empty where that is not known."""
    runs = (entry.get("run") for entry in push_log.entries(base) if entry.get("version") == version)
    return str(next(filter(None, runs), ""))


def _fingerprint(version: pathlib.Path, stage: str) -> str | None:
    """Returns the digest of the fingerprint that a stage had when it made a version; None where that is not known."""
    fingerprints = storage.read_json(version / METADATA_FILE).get("fingerprints", {})
    return fingerprints.get(stage) if isinstance(fingerprints, dict) else None


@contextlib.contextmanager
def alone(base: pathlib.Path) -> Iterator[None]:
    """Waits for other changes of this folder, then removes the unfinished versions of pushes that were killed."""
    folder = os.open(base, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        for left in base.glob(f"{TEMPORARY}*"):
            shutil.rmtree(left)
        yield
    finally:
        os.close(folder)


def _place(model: pathlib.Path, path: pathlib.Path, extra: Mapping[str, bytes]) -> None:
    """Writes a version into a temporary folder, and renames that when every byte is on the disk."""
    temporary = pathlib.Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=path.parent))
    try:
        # A model server may run as another user.
        temporary.chmod(0o755)
        for source in sorted(model.rglob("*")):
            target = temporary / source.relative_to(model)
            target.mkdir() if source.is_dir() else shutil.copyfile(source, target)
        for name, content in extra.items():
            (temporary / name).parent.mkdir(parents=True, exist_ok=True)
            (temporary / name).write_bytes(content)
        for written in [*temporary.rglob("*"), temporary]:
            _sync(written)
        temporary.rename(path)
        _sync(path.parent)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _sync(path: pathlib.Path) -> None:
    """Waits until a file or the entries of a folder are on the disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _explain(error: OSError, base: pathlib.Path) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return (
            f"The disk of {base} is full, so the model was not pushed. Make room and run again: only this stage runs."
        )
    return (
        f"The model could not be pushed to {base}: {error.strerror}. A folder that can be written was expected there."
    )
