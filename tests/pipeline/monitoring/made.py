"""A formula model that was pushed with statistics and rows of test, and requests that are made to drift."""

import json
import pathlib

import numpy as np
import pyarrow as pa
import tensorflow as tf

from core import examples
from core.config.sections import Data
from core.spec import Feature, Label, Spec
from ingest import Column, Source
from models.serving import model_versions
from tests.components import data_stages, served_models

FEATURES = (
    Feature("age", "numeric", "float"),
    Feature("noise", "numeric", "float"),
    Feature("town", "categorical", "text"),
)
SPEC = Spec(label=Label("bought", "binary", "int", ("0", "1")), features=FEATURES)
PRICE = Spec(label=Label("price", "regression", "float"), features=FEATURES)
COLUMNS = (Column("age", "DOUBLE"), Column("noise", "DOUBLE"), Column("town", "VARCHAR"))
TOWNS, SHARES = ["ulm", "bonn", "jena", "kiel"], [0.5, 0.3, 0.15, 0.05]


def score(age, town_is_ulm, exp=np.exp):
    """Returns the probability of buying."""
    return 1 / (1 + exp(-(1.5 * age + town_is_ulm - 0.5)))


def _formula(columns):
    age = tf.where(tf.math.is_nan(columns["age"]), tf.constant(0.0, tf.float64), columns["age"])
    return score(age, tf.cast(columns["town"] == "ulm", tf.float64), tf.exp)


def rows(count: int, seed: int, age=0.0, shares=SHARES, missing=0.0) -> pa.Table:
    """Returns rows with their labels: `bought` by the formula, and `price`, whose spread grows with age."""
    random = np.random.default_rng(seed)
    ages, towns = random.normal(age, 1, count), random.choice(TOWNS, count, p=shares)
    bought = random.random(count) < score(ages, towns == "ulm")
    noise = random.normal(0, 1, count)
    price = score(ages, towns == "ulm") + random.normal(0, 1, count) * np.exp(ages / 2)
    known = random.random(count) >= missing
    columns = {
        "age": pa.array(ages, mask=~known),
        "noise": noise,
        "town": towns,
        "bought": bought.astype(np.int64),
        "price": price,
    }
    return pa.table({**columns, "id": np.arange(count)})


def push(folder: pathlib.Path, spec: Spec = SPEC, **metadata) -> pathlib.Path:
    """Pushes the model with statistics of 12,000 rows of train, and returns the folder of its versions."""
    payloads = {**{feature.name: feature.payload for feature in spec.features}, spec.label.name: spec.label.payload}
    schema = examples.arrow_schema(payloads)
    for seed, (split, count) in enumerate({"train": 12_000, "eval": 3_000, "test": 3_000}.items()):
        path = folder / "examples" / f"Split-{split}" / "part-0.parquet"
        path.parent.mkdir(parents=True)
        with examples.SplitWriter(str(path), schema) as writer:
            writer.write(_lists(rows(count, seed), schema))
    made = data_stages.artifact(data_stages.standard_artifacts.Examples, folder / "examples", ("train", "eval", "test"))
    statistics = data_stages.make_statistics(made, spec, folder / "statistics")
    files = pathlib.Path(statistics.uri).glob("Split-*/FeatureStats.pb")
    types = {"age": tf.float64, "noise": tf.float64, "town": tf.string}
    model = served_models.save(folder / "model", _formula, types, spec.label.classes)
    source = Source(("/data/train.csv",), COLUMNS, Data(files=("/data/train.csv",), format="csv"))
    metadata |= {"spec": spec.to_json(), "source": source.to_json(), "query": None}
    extra = {
        model_versions.METADATA_FILE: json.dumps(metadata).encode(),
        model_versions.REFERENCE_FILE: examples.sample(str(folder / "examples" / "Split-test"), 3_000),
        **{f"{model_versions.STATISTICS_FOLDER}/{file.parent.name}/{file.name}": file.read_bytes() for file in files},
    }
    model_versions.push(pathlib.Path(model), folder / "serving", extra)
    return folder / "serving"


def _lists(table: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = []
    for field in schema:
        column = table.column(field.name).combine_chunks()
        offsets = pa.array(np.concatenate([[0], np.cumsum(np.asarray(column.is_valid()))]), pa.int64())
        values = column.drop_null().cast(field.type.value_type)
        mask = column.is_null() if column.null_count else None
        columns.append(pa.LargeListArray.from_arrays(offsets, values, type=field.type, mask=mask))
    return pa.Table.from_arrays(columns, schema=schema)
