"""Builds the section on lineage: data, code, environment and seeds, and how to repeat the run."""

import shlex

from pipeline.reporting.blocks import Block, Code, Fold, Section, Table, Text
from pipeline.reporting.numbers import number
from pipeline.reporting.run_record import RunRecord

_SEEDS = ("split", "tune", "train")


def build(record: RunRecord) -> Section:
    """Returns the section."""
    summary, config = record.summary, record.config
    environment = summary.get("environment", {})
    rows = [
        ["run", str(summary.get("run_id", ""))],
        ["seconds", number(summary.get("seconds"))],
        ["data", ", ".join(map(str, (config.get("data") or {}).get("files", ())))],
        ["digest of the data", str(record.parameters("ExampleGen").get("data_digest", ""))],
        ["digest of configuration, data and code", str(summary.get("fingerprint", ""))],
        *([f"seed of {name}", str((config.get(name) or {}).get("seed", 0))] for name in _SEEDS),
        ["Python", str(environment.get("python", ""))],
        ["platform", f"{environment.get('platform', '')}, {environment.get('cpus', '')} CPUs"],
        *([name, str(version)] for name, version in environment.get("packages", {}).items()),
    ]
    found: list[Block] = [Table(["lineage", "value"], [row for row in rows if row[1]], "", 2)]
    digests = [
        [name, execution.fingerprint.code[:16], execution.fingerprint.digest[:16], str(execution.id)]
        for name, execution in record.executions.items()
        if execution.fingerprint
    ]
    if digests:
        header = ["stage", "digest of the code", "fingerprint", "execution in ML Metadata"]
        found.append(Fold("Code and fingerprint of each stage", [Table(header, digests, "", 4)]))
    if record.folder.config.exists():
        file = shlex.quote(str(record.folder.config))
        copy = shlex.quote(f"{record.folder.path}-again")
        found.append(Text("To repeat the run with the same configuration and code:"))
        found.append(Code(f"make venv\npython pipeline/run_local.py {file} --out {copy}"))
        text = record.folder.config.read_text(encoding="utf-8")
        found.append(Fold("Resolved configuration", [Code(text[:200_000])]))
    return Section("lineage", "Lineage: how do I repeat it?", found)
