"""Decides whether a served model is stale: whether `run_local.py --if-stale` trains again."""

from pathlib import Path

from core import storage
from core.errors import UserError
from models.serving import model_versions


def reason(serving: Path, data_digest: str, report: Path | None) -> str:
    """Returns why the stable version below a folder is stale; empty where it is not.

    Args:
        serving: the folder of the versions.
        data_digest: the digest of the data that a run would read.
        report: what `monitor.py --json` printed; None where only the data count.

    Raises:
        UserError: the report cannot be read.
    """
    alarms = _alarms(report) if report else {}
    version = model_versions.stable(serving)
    if version is None:
        return "no model is served"
    fingerprints = storage.read_json(version / model_versions.METADATA_FILE).get("fingerprints", {})
    if fingerprints.get("data") != data_digest:
        return f"version {version.name} was trained on other data"
    found = alarms.get(version.resolve(), [])
    return f"version {version.name} raises alarms: {'; '.join(found)}" if found else ""


def _alarms(report: Path) -> dict[Path, list[str]]:
    """Returns the alarms in a report, by the version that it is about."""
    found = storage.read_json(report)
    if not {"model", "alarms"} <= set(found):
        raise UserError(
            f"--if-stale {report} is no report on requests. The output of `monitor.py --json` was expected: "
            "`python pipeline/monitor.py ... --json > REPORT`."
        )
    return {Path(found["model"]).resolve(): found["alarms"]}
