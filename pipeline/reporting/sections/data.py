"""Builds the section on the data: rows, rejects, schema, anomalies, drift and the distribution of every column."""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.reporting import column_statistics, svg
from pipeline.reporting.blocks import Block, Chart, Fold, Grid, Section, Table, Text
from pipeline.reporting.column_statistics import ColumnStatistics
from pipeline.reporting.numbers import cut, number, share
from pipeline.reporting.run_record import SPLITS, RunRecord

_MAX_ROWS, _MAX_CHARTS, _MAX_REJECTS = 300, 60, 10


def build(record: RunRecord) -> Section:
    """Returns the section."""
    folder = record.uri("StatisticsGen", "statistics")
    by_split = {split: column_statistics.load(folder, split) for split in SPLITS} if folder else {}
    columns = {
        name: {split: found[name] for split, found in by_split.items() if name in found}
        for name in by_split.get("train", {})
    }
    found = [*_rows(record), *_anomalies(record)]
    found += [_profile(record, columns), _distributions(columns)] if columns else []
    return Section("data", "Data: what changed in it?", found)


def _rows(record: RunRecord) -> list[Block]:
    report = record.report("ExampleGen")
    if not report:
        return [Text("The data were not read in this run.")]
    rows: Mapping[str, int] = report["rows"]
    total = sum(rows.values()) or 1
    table = [[split, number(count), share(count / total)] for split, count in rows.items()]
    table.append(["rows read", number(report["read"]), ""])
    table.append(["put aside because they cannot be read (quarantine)", number(report["rejects"]), ""])
    table.append(["left out by the query or without a label", number(report["left_out"]), ""])
    rejects = _rejects(record.uri("ExampleGen", "examples")) if report["rejects"] else []
    return [Table(["rows", "number", "share"], table), *rejects]


def _rejects(folder: pathlib.Path | None) -> list[Block]:
    """Returns the first rows that were put aside."""
    path = folder / "rejects.parquet" if folder else None
    if path is None or not path.exists():
        return []
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        first = next(file.iter_batches(_MAX_REJECTS)).to_pylist()
    rows = [[row["file"], number(row["line"]), row["reason"], cut(row["text"], 120)] for row in first]
    return [Fold("The first rows that were put aside", [Table(["file", "line", "reason", "text"], rows, "", 4)])]


def _anomalies(record: RunRecord) -> list[Block]:
    folder = record.uri("ExampleValidator", "anomalies")
    if folder is None:
        return [Text("The ExampleValidator did not pass the data in this run, or did not run.")]
    found: list[Block] = [Text("The data have no anomalies: they fit the schema and the limits of drift and skew.")]
    counts = {split: count for split, count in record.report("ExampleValidator").get("overlap", {}).items() if count}
    if counts:
        shown = ", ".join(f"{count:,} of {split}" for split, count in counts.items())
        found.append(Text(f"Rows with the same features as a row of train: {shown}."))
    distances = column_statistics.distances(folder)
    rows = [[d.column, d.split, d.to, number(d.value), number(d.limit) if d.limit < 1 else "none"] for d in distances]
    if rows:
        header = ["column", "split", "compared with", "distance", "limit"]
        caption = "Largest distances (0: equal, 1: nothing in common): drift from earlier data and skew from train"
        found.append(Table(header, rows[:10], caption, 3))
        if len(rows) > 10:
            found.append(Fold("More distances", [Table(header, rows[10:_MAX_ROWS], "", 3)]))
    return found


def _profile(record: RunRecord, columns: Mapping[str, Mapping[str, ColumnStatistics]]) -> Block:
    folder = record.uri("SchemaGen", "schema")
    expected = column_statistics.schema(folder) if folder else {}
    features: Mapping[str, Any] = record.config.get("features") or {}
    roles = {name: options.get("kind", "") for name, options in features.items() if isinstance(options, dict)}
    roles[record.label] = "label"
    rows = []
    for name, splits in list(columns.items())[:_MAX_ROWS]:
        facts = splits["train"].facts
        described = ", ".join(f"{fact} {number(value)}" for fact, value in facts.items())
        missing = [share(splits[split].missing) if split in splits else "" for split in SPLITS]
        rows.append([cut(name), roles.get(name, ""), expected.get(name, ""), described, *missing])
    header = ["column", "role", "schema", "values in train", *(f"missing in {split}" for split in SPLITS)]
    more = f" (the first {_MAX_ROWS} of {len(columns):,})" if len(columns) > _MAX_ROWS else ""
    return Fold(f"Columns{more}", [Table(header, rows, "", 4)])


def _distributions(columns: Mapping[str, Mapping[str, ColumnStatistics]]) -> Block:
    charts = [_distribution(name, splits) for name, splits in list(columns.items())[:_MAX_CHARTS]]
    more = f" (the first {_MAX_CHARTS} of {len(columns):,} columns)" if len(columns) > _MAX_CHARTS else ""
    return Fold(f"Distributions in train, eval and test{more}", [Grid([chart for chart in charts if chart])])


def _distribution(name: str, splits: Mapping[str, ColumnStatistics]) -> Chart | None:
    names, values = column_statistics.shares(splits)
    if not names:
        return None
    series: Sequence[tuple[str, Sequence[float]]] = list(values.items())
    title = f"{cut(name)}: share of the rows"
    rows = [[value, *(share(one[index]) for _, one in series)] for index, value in enumerate(names)]
    drawn = svg.columns(title, names, series, (cut(name), "share of the rows"))
    return Chart(title, drawn, Table(["value", *(split for split, _ in series)], rows))
