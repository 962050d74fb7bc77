"""Takes generated tables from the profile to predictions: each command ends with the right rows or a clean error.

    python benchmarks/fuzz/predict_tables.py [--cases 500] [--first 0]

A case is generated from its number alone: the names, types and values of a table, its format, its folder and the
columns to keep. The profile, the Examples, their statistics and the served model are the pipeline's own; the network is
not trained. The rows of the same file must be predicted as their Examples are, and those of a copy in another format
predicted so or refused. The cases that go wrong are printed.
"""

import argparse
import collections
import contextlib
import csv
import dataclasses
import datetime
import gzip
import io
import json
import os
import pathlib
import random
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
os.environ["TF_USE_LEGACY_KERAS"] = "0"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.example_gen.component import encodings_of
from components.schema_gen import inferred_schema
from components.statistics_gen.stats_accumulator import GeneratorOptions, StatsAccumulator
from components.transform.component import INPUTS_FILE, write_graph
from core import examples
from core.config.sections import Fractions, Split, Statistics
from core.errors import UserError
from core.spec import Spec, inputs_to_json
from ingest import work_units
from ingest.readers.tfrecord import framed
from models import families
from models.heads import Head
from models.preprocessing.transform_graph import TransformGraph
from models.serving import export, model_versions
from pipeline import init_config, predict
from pipeline.config import settings
from pipeline.profile import Resolved, resolve

ROWS = 120
ALL_IN_TRAIN = Split(fractions=Fractions(train=1 - 2e-7, eval=1e-7, test=1e-7))  # the limits round to all rows
NAMES = "a|b c|b.c|Größe|q\"uote|it's|select|d,e|0|train|self|class|lambda|feature_0|prediction|score_0|data|rowid|kept"
NAMES += "|source_table|filename|%s|{x}|[v]|*|a=5|#1|😀|__index_level_0__|\\x|f\tg|line\nbreak|examples|A|" + "x" * 200
FOLDERS = ["plain", "n=5", "a b", "100%25", "#1", "q?", "[v]", "ünï", "it's", 'q"', "*", "~", "-x"]
TEXTS = 'x|y|é|a,b|say "hi"|it\'s|line\nbreak| padded|padded |NA|null|true|False|0|007|1.0|1|-|3.5|1e5|2024-02-29|'
TEXTS += "1/2/2024|inf|0x1F|1_000|\\|#c|😀|1,5|$5|12%|'|yes|no|Yes"


@dataclasses.dataclass(frozen=True)
class Case:
    """A table and what is done with it.

    Attributes:
        columns: the values of each column; None for missing.
        label: one of the columns.
        trained, predicted: the formats of the files, a name in `WRITERS`.
        folder: the name of the folder of all files.
        keep: what `--keep` names.
        suffix: of the file to write.
    """

    columns: Mapping[str, list[Any]]
    label: str
    trained: str
    predicted: str
    folder: str
    keep: list[str]
    suffix: str


def _csv(columns: Mapping[str, list[Any]]) -> bytes:
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows([list(columns), *zip(*columns.values(), strict=True)])
    return stream.getvalue().encode()


def _json_lines(columns: Mapping[str, list[Any]]) -> bytes:
    rows = (dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True))
    return "".join(json.dumps(row, default=str, ensure_ascii=False) + "\n" for row in rows).encode()


def _parquet(columns: Mapping[str, list[Any]]) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table(dict(columns)), stream)
    return stream.getvalue()


def _tfrecord(columns: Mapping[str, list[Any]]) -> bytes:
    def feature(value: Any) -> tf.train.Feature:
        values = value if isinstance(value, list) else [value]
        if not values:
            return tf.train.Feature()
        if all(isinstance(value, (bool, int)) for value in values):
            return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
        if all(isinstance(value, float) for value in values):
            return tf.train.Feature(float_list=tf.train.FloatList(value=values))
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[str(value).encode() for value in values]))

    records = []
    for values in zip(*columns.values(), strict=True):
        row = {name: feature(value) for name, value in zip(columns, values, strict=True) if value is not None}
        records.append(tf.train.Example(features=tf.train.Features(feature=row)).SerializeToString())
    return b"".join(map(framed, records))


WRITERS: Mapping[str, Callable[[Mapping[str, list[Any]]], bytes]] = {
    "csv": _csv,
    "csv.gz": lambda columns: gzip.compress(_csv(columns)),
    "jsonl": _json_lines,
    "parquet": _parquet,
    "tfrecord": _tfrecord,
}
_FLAT = {"csv", "csv.gz"}
Value = Callable[[random.Random], Any]
VALUES: list[Value] = [
    lambda chance: chance.randint(0, 5),
    lambda chance: chance.randint(-(10**6), 10**6),
    lambda chance: chance.choice([chance.randint(-(2**53), 2**53), 2**53, -(2**53), 10**12]),  # requests hold float64
    lambda chance: round(chance.gauss(0, 1000), chance.randint(0, 6)),
    lambda chance: chance.choice([1e30, -9.97e36, 3.4e38, 1e-40, 0.0, -0.0, chance.random()]),
    lambda chance: chance.random() < 0.5,
    lambda chance: datetime.datetime(2024, 1, 1) + datetime.timedelta(seconds=chance.randint(0, 10**7)),
    lambda chance: datetime.datetime(1700, 1, 1) + datetime.timedelta(days=chance.randint(0, 200_000)),
    lambda chance: datetime.date(2024, 1, 1) + datetime.timedelta(days=chance.randint(0, 300)),
    lambda chance: chance.choice(TEXTS.split("|")),
    lambda chance: chance.choice(["red", "green", "blue"]),
    lambda chance: "".join(chance.choice("abcxyz01239 ,;.é-:/") for _ in range(chance.randint(0, 12))),
    lambda chance: None,
]
CLASSES: list[list[Any]] = [["no", "yes"], [0, 1], [True, False], ["a", "b", "c"], [1.5, 2.5], ["Yes", "yes "]]
CLASSES += [[7, 8, 9], list(range(ROWS)), [index / 7 for index in range(ROWS)]]


def make(number: int) -> Case:
    """Returns the case of a number."""
    chance = random.Random(number)
    names = chance.sample(NAMES.split("|"), chance.randint(2, 6))
    trained, predicted = chance.choice(list(WRITERS)), chance.choice(list(WRITERS))
    lists = not {trained, predicted} & _FLAT
    columns = {name: _values(chance, lists) for name in names}
    label = chance.choice(names)
    classes = chance.choice(CLASSES)
    columns[label] = [classes[index % len(classes)] for index in range(ROWS)]
    keep = chance.choices(names, k=chance.choice([0, 0, 1, 3]))
    return Case(columns, label, trained, predicted, chance.choice(FOLDERS), keep, chance.choice([".csv", ".parquet"]))


def _values(chance: random.Random, lists: bool) -> list[Any]:
    """Returns the values of a column, out of a few different ones or many."""
    value, size = chance.choice(VALUES), chance.choice([1, 2, 3, 12, ROWS])
    if lists and chance.random() < 0.2:
        pool: list[Any] = [[value(chance) for _ in range(chance.randint(0, 3))] for _ in range(size)]
    else:
        pool = [value(chance) for _ in range(size)]
    pool += [None] * chance.choice([0, 0, 1, 3])
    return [chance.choice(pool) for _ in range(ROWS)]


def check(case: Case) -> str:
    """Takes a case from the profile to predictions, and returns how it ended.

    Raises:
        AssertionError: predictions are wrong, or the rows that were trained on are refused.
        Exception: anything else but a UserError.
    """
    keras.backend.clear_session()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name, case.folder)
        folder.mkdir()
        made = pathlib.Path(name, "made")
        try:
            file = _write(folder, "train", case.trained, case.columns)
            resolved = resolve(settings.load(files=str(file), label=case.label))
            _check_printed(folder, file, case.label, resolved)
            served, expected = _served(made, folder / "serving", resolved)
        except UserError as error:
            print(f"refused: {error}", file=sys.stderr)
            return "refused"
        to = folder / f"p{case.suffix}"
        keep = ["--keep", *case.keep] if case.keep else []
        code, message = _predict(served, file, to, keep)
        if code and "--keep" in message:
            code, message = _predict(served, file, to, [])
        assert code == 0, message
        found = _predictions(to, resolved.spec)
        assert np.allclose(found, expected, rtol=1e-4, atol=1e-5), f"{found} in place of {expected}"
        others = {name: values for name, values in case.columns.items() if name != case.label}
        copy = _write(folder, "new", case.predicted, others)
        code, message = _predict(served, copy, to, [])
        assert code in (0, 2), message
        if code == 0 and not {case.trained, case.predicted} & _FLAT:  # a CSV file cannot tell all texts from others
            found = _predictions(to, resolved.spec)
            assert np.allclose(found, expected, rtol=1e-4, atol=1e-5), f"{found} in place of {expected}"
        return "predicted" if code == 0 else "the copy refused"


def _write(folder: pathlib.Path, name: str, suffix: str, columns: Mapping[str, list[Any]]) -> pathlib.Path:
    file = folder / f"{name}.{suffix}"
    try:
        file.write_bytes(WRITERS[suffix](columns))
    except pa.ArrowException:  # Parquet holds values of one type in a column
        file.write_bytes(WRITERS[suffix]({name: _as_texts(values) for name, values in columns.items()}))
    return file


def _as_texts(values: list[Any]) -> list[Any]:
    return [value if value is None else str(value) for value in values]


def _check_printed(folder: pathlib.Path, file: pathlib.Path, label: str, resolved: Resolved) -> None:
    """Checks that the configuration that `init_config.py` prints gives the same spec."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert init_config.main([str(file), f"--label={label}"]) == 0
    config = folder / "config.yaml"
    config.write_text(printed.getvalue(), encoding="utf-8")
    assert resolve(settings.load(config)).spec == resolved.spec


def _served(folder: pathlib.Path, base: pathlib.Path, resolved: Resolved) -> tuple[pathlib.Path, np.ndarray]:
    """Pushes a model that is not trained; returns the folder of its version, and its predictions of the Examples."""
    spec = resolved.spec
    plan = work_units.Plan(resolved.source, encodings_of(spec), ALL_IN_TRAIN)
    for unit in work_units.divide(resolved.source, 1 << 30):
        with work_units.UnitReader(plan, unit, threads=1) as reader:
            reader.write(str(folder / "examples"))
    batches = [examples.read(group) for group in examples.row_groups(str(folder / "examples" / "Split-train"))]
    statistics = _statistics(batches, spec, folder / "statistics" / "Split-train" / "FeatureStats.pb")
    graph = folder / "graph"
    schema = inferred_schema.infer([statistics], spec)
    inputs = write_graph(str(graph), schema, spec, str(folder / "statistics" / "Split-train" / "FeatureStats.pb"))
    (graph / INPUTS_FILE).write_text(inputs_to_json(inputs), encoding="utf-8")
    loaded = TransformGraph(str(graph), spec)
    keras.utils.set_random_seed(0)
    head = Head.of(spec.label, np.concatenate([examples.label_values(batch, spec.label) for batch in batches]))
    family = families.FAMILIES["mlp"]
    predictor = head.predictor(family.build(loaded.inputs, head.outputs, family.defaults()))
    export.save(str(folder / "model"), spec, loaded, predictor)
    metadata = {"spec": spec.to_json(), "source": resolved.source.to_json(), "query": None}
    extra = {
        model_versions.METADATA_FILE: json.dumps(metadata).encode(),
        f"{model_versions.STATISTICS_FOLDER}/Split-train/FeatureStats.pb": statistics.SerializeToString(),
    }
    version = model_versions.push(folder / "model", base, extra)
    predictions = np.concatenate([np.asarray(predictor(loaded(batch), training=False)) for batch in batches])
    return version.path, predictions.reshape(len(predictions), -1)


def _statistics(
    batches: list[pa.RecordBatch], spec: Spec, path: pathlib.Path
) -> statistics_pb2.DatasetFeatureStatisticsList:
    accumulator: dict[str, list[Any]] = {}
    generators = StatsAccumulator(GeneratorOptions.of(spec, Statistics()))
    for batch in batches:
        generators.add(accumulator, batch)
    path.parent.mkdir(parents=True)
    path.write_bytes(generators.extract(accumulator))
    return statistics_pb2.DatasetFeatureStatisticsList.FromString(path.read_bytes())


def _predict(model: pathlib.Path, data: pathlib.Path, to: pathlib.Path, more: list[str]) -> tuple[int, str]:
    """Runs `predict.py`; returns its exit code and what it printed."""
    printed = io.StringIO()
    with contextlib.redirect_stderr(printed):
        code = predict.main(["--model", str(model), "--data", str(data), "--to", str(to), *more])
    return code, printed.getvalue()


def _predictions(file: pathlib.Path, spec: Spec) -> np.ndarray:
    """Returns the scores, float64[rows, classes], or the predictions of a regression, float64[rows, 1]."""
    names = [f"score_{name}" for name in spec.label.classes] or ["prediction"]
    if file.suffix == ".parquet":
        columns = pq.read_table(file, partitioning=None).select(names).to_pydict()
    else:
        header, *rows = csv.reader(io.StringIO(file.read_text(encoding="utf-8"), newline=""))
        columns = {name: [row[header.index(name)] for row in rows] for name in names}
    return np.array([columns[name] for name in names], np.float64).T


def main() -> int:
    """Runs all cases, and prints those that go wrong; returns 1 if there are any."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--first", type=int, default=0)
    arguments = parser.parse_args()
    ends: collections.Counter[str] = collections.Counter()
    for number in range(arguments.first, arguments.first + arguments.cases):
        case = make(number)
        try:
            ends[check(case)] += 1
        except Exception:  # whatever it is, this program looks for it
            ends["wrong"] += 1
            print(f"case {number}: {case}\n{traceback.format_exc()}", flush=True)
        print(f"{ends.total():,} cases, {ends['wrong']} wrong", file=sys.stderr, flush=True)
    print(", ".join(f"{count:,} {end}" for end, count in sorted(ends.items())))
    return 1 if ends["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
