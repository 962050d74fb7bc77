import pathlib

import apache_beam as beam
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.components.statistics_gen import executor as stock_statistics_gen
from tfx.components.transform import executor as stock_transform
from tfx.dsl.components.base import base_beam_executor
from tfx.proto import transform_pb2
from tfx.types import standard_artifacts
from tfx.utils import proto_utils

from components.example_validator import component as validator
from components.schema_gen import component as schema_gen
from components.transform import component as transform
from components.transform import user_analysis
from core import examples
from core.errors import UserError
from core.spec import Feature, Input, Label, Spec, inputs_from_json
from models.preprocessing.raw_columns import NO_INTEGER, RawColumns
from models.preprocessing.transform_graph import TransformGraph
from tests.components import data_stages

COLUMNS = {"age": "int", "fare": "float", "town": "text", "zone": "int", "late": "int"}
SPEC = Spec(
    Label("late", "binary", "int", ("0", "1")),
    (
        Feature("age", "numeric", "int"),
        Feature("fare", "numeric", "float"),
        Feature("town", "categorical", "text"),
        Feature("zone", "categorical", "int"),
    ),
)
TRAIN = {
    "age": [20, 30, 40, 50],
    "fare": [1.0, 3.0, None, 2.0],
    "town": ["Rom", "Bern", "Bern", None],
    "zone": [7, 7, 8, 7],
    "late": [0, 1, 1, 0],
}
# Rows without `age`, `zone` and `fare`.
TOWNS = RawColumns(
    {
        "int": tf.fill([3, 2], NO_INTEGER),
        "float": tf.fill([3, 1], float("nan")),
        "text": tf.constant([["Rom"], ["Oslo"], ["Bern"]]),
    },
    [],
)


@pytest.fixture(scope="module")
def stages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    made = data_stages.write_examples(folder / "examples", COLUMNS, {"train": TRAIN, "eval": TRAIN})
    statistics = data_stages.make_statistics(made, SPEC, folder / "statistics")
    schema = data_stages.artifact(standard_artifacts.Schema, folder / "schema")
    data_stages.run(schema_gen.SchemaGen, {"statistics": statistics}, {"schema": schema}, spec=SPEC.to_json())
    return {"examples": made, "statistics": statistics, "schema": schema}


def run(stages, folder, preprocessing_fn=None):
    graph = data_stages.artifact(standard_artifacts.TransformGraph, folder)
    spec = Spec(SPEC.label, SPEC.features, preprocessing_fn=preprocessing_fn)
    data_stages.run(transform.Transform, stages, {"transform_graph": graph}, spec=spec.to_json())
    return graph


@pytest.fixture(scope="module")
def graph(stages, tmp_path_factory):
    return run(stages, tmp_path_factory.mktemp("graph"))


def inputs_of(graph):
    return inputs_from_json(pathlib.Path(graph.uri, "inputs.json").read_text())


RAW = {
    "age": tf.sparse.from_dense(tf.constant([[20], [60]], tf.int64)),
    "fare": tf.sparse.from_dense([[5.0], [0.0]]),
    "town": tf.sparse.from_dense([["Oslo"], ["Bern"]]),
    "zone": tf.sparse.from_dense(tf.constant([[8], [9]], tf.int64)),
}


def test_three_rows_by_the_saved_graph(graph):
    output = tft.TFTransformOutput(graph.uri)
    raw = {**RAW, "late": tf.sparse.from_dense(tf.constant([[1], [1]], tf.int64))}
    transformed = {name: tensor.numpy().tolist() for name, tensor in output.transform_features_layer()(raw).items()}
    assert transformed == {
        "age": [20, 60],
        "fare": [5, 2],
        "fare_missing": [0, 1],
        "town": [2, 0],
        "zone": [1, 2],
    }


def test_serving_needs_no_label(graph):
    transformed = tft.TFTransformOutput(graph.uri).transform_features_layer()(RAW)
    assert set(transformed) == {"age", "fare", "fare_missing", "town", "zone"}


def test_raw_features_are_lists_of_any_length(graph):
    raw = tft.TFTransformOutput(graph.uri).raw_feature_spec()
    assert raw == {name: tf.io.VarLenFeature(raw[name].dtype) for name in COLUMNS}


def test_inputs_describe_what_comes_out(graph):
    inputs = inputs_of(graph)
    assert [model_input.name for model_input in inputs] == ["age", "fare", "fare_missing", "town", "zone"]
    age, fare, missing, town, zone = inputs
    assert (age.kind, age.mean, age.std) == ("numeric", 35, pytest.approx(np.std([20, 30, 40, 50])))
    assert (fare.mean, fare.std) == (2, pytest.approx(np.std([1, 3, 2, 2])))
    assert missing == Input("fare_missing", "numeric", 0, 0.25, pytest.approx(np.sqrt(3) / 4), missing_of="fare")
    assert (town, zone) == (Input("town", "categorical", 4), Input("zone", "categorical", 4))
    assert graph.get_string_custom_property("finding") == "4 features to 5 inputs: 3 numeric · 2 categorical"


@pytest.mark.slow
@pytest.mark.slow
def test_constants_agree_with_tf_transform_analyzers(tmp_path):
    """What the statistics give is what tft's own analyzers give, to the sketches' error."""
    generator = np.random.default_rng(0)
    values, towns = generator.lognormal(size=5_000).astype(np.float32), generator.zipf(2.0, 5_000) % 97
    columns = {"fare": "float", "town": "text", "late": "int"}
    rows = {"fare": values.tolist(), "town": [f"town {number}" for number in towns], "late": [0, 1] * 2_500}
    spec = Spec(SPEC.label, SPEC.features[1:3])
    made = data_stages.write_examples(tmp_path / "examples", columns, {"train": rows}, rows_in_file=900)
    stages = {"examples": made, "statistics": data_stages.make_statistics(made, spec, tmp_path / "statistics")}
    stages["schema"] = data_stages.artifact(standard_artifacts.Schema, tmp_path / "schema")
    data_stages.run(
        schema_gen.SchemaGen, {"statistics": stages["statistics"]}, {"schema": stages["schema"]}, spec=spec.to_json()
    )
    ours = data_stages.artifact(standard_artifacts.TransformGraph, tmp_path / "ours")
    data_stages.run(transform.Transform, stages, {"transform_graph": ours}, spec=spec.to_json())
    theirs = data_stages.artifact(standard_artifacts.TransformGraph, tmp_path / "theirs")
    dotted = "tests.components.users_functions.analyzed"
    spec = Spec(spec.label, spec.features, preprocessing_fn=dotted)
    data_stages.run(transform.Transform, stages, {"transform_graph": theirs}, spec=spec.to_json())

    groups = examples.row_groups(f"{made.uri}/Split-train")
    left, right = transform.sample(ours.uri, groups), transform.sample(theirs.uri, groups)
    fare, town = inputs_of(ours)
    assert fare.mean == pytest.approx(right["mean"][0], rel=1e-6)
    assert fare.std**2 == pytest.approx(right["variance"][0], rel=1e-6)
    counts = np.bincount(left["town"])
    assert (left["town"] == right["town"]).all()
    assert town.size == len(counts) + 2
    ordered = np.sort(values)
    quantiles = [right[f"quantiles_{number}"][0] for number in range(47)]
    for own, quantile in zip(fare.boundaries, quantiles, strict=True):
        ranks = np.searchsorted(ordered, [own, quantile]) / len(values)
        assert abs(ranks[0] - ranks[1]) <= 0.01 + 0.25 / 48, "tf.Transform's error and ours"


@pytest.mark.slow
def test_stock_transform_reads_our_artifacts(stages, tmp_path):
    output = data_stages.artifact(standard_artifacts.TransformGraph, tmp_path)
    data_stages.run(
        stock_transform.Executor,
        {"examples": stages["examples"], "schema": stages["schema"]},
        {"transform_graph": output},
        preprocessing_fn="tests.components.users_functions.scaled_and_crossed",
        custom_config="null",
        disable_statistics=1,
        splits_config=proto_utils.proto_to_json(transform_pb2.SplitsConfig(analyze=["train"])),
    )
    transformed = tft.TFTransformOutput(output.uri).transformed_feature_spec()
    assert list(transformed) == ["age", "bucket", "late", "pair", "town"]


@pytest.mark.slow
def test_our_transform_reads_stock_statistics(stages, tmp_path):
    statistics = data_stages.artifact(standard_artifacts.ExampleStatistics, tmp_path / "statistics")
    data_stages.run(stock_statistics_gen.Executor, {"examples": stages["examples"]}, {"statistics": statistics})
    graph = data_stages.artifact(standard_artifacts.TransformGraph, tmp_path / "graph")
    spec = Spec(SPEC.label, SPEC.features[:3])  # stock statistics take integers for numbers
    inputs = {**stages, "statistics": statistics}
    data_stages.run(transform.Transform, inputs, {"transform_graph": graph}, spec=spec.to_json())
    ours = inputs_of(graph)
    assert [model_input.name for model_input in ours] == ["age", "fare", "fare_missing", "town"]
    assert (ours[0].mean, ours[1].mean, ours[3].size) == (35, 2, 4)


@pytest.mark.slow
def test_users_function_with_analyzers(stages, tmp_path):
    graph = run(stages, tmp_path, "tests.components.users_functions.scaled_and_crossed")
    inputs = {model_input.name: model_input for model_input in inputs_of(graph)}
    assert list(inputs) == ["age", "bucket", "pair_0", "pair_1", "town"]
    assert (inputs["bucket"].kind, inputs["bucket"].size) == ("categorical", 2)
    assert (inputs["town"].kind, inputs["town"].size) == ("categorical", 3), "two towns, and unknown"
    assert (inputs["age"].mean, inputs["age"].std) == (pytest.approx(0, abs=1e-6), pytest.approx(1))
    assert (inputs["pair_0"].mean, inputs["pair_1"].std) == (35, 1)
    rows = transform.sample(graph.uri, examples.row_groups(f"{stages['examples'].uri}/Split-train"))
    assert set(rows) == {"age", "bucket", "pair_0", "pair_1", "town"}, "the label is no input"
    assert rows["bucket"].tolist() == [0, 0, 1, 1]
    spec = Spec(SPEC.label, SPEC.features, preprocessing_fn="tests.components.users_functions.scaled_and_crossed")
    served = TransformGraph(graph.uri, spec).packed(TOWNS)
    assert served["categorical"].numpy()[:, 1].tolist() == [1, 2, 0], (
        "one index a row, although the function gives [batch, 1]"
    )


@pytest.mark.slow
def test_minus_one_is_one_more_index(stages, tmp_path):
    dotted = "tests.components.users_functions.gives_minus_one"
    graph = run(stages, tmp_path, dotted)
    assert inputs_of(graph) == (Input("town", "categorical", 3, unknown_below_zero=True),)
    spec = Spec(SPEC.label, SPEC.features, preprocessing_fn=dotted)
    served = TransformGraph(graph.uri, spec).packed(TOWNS)
    assert served["categorical"].numpy()[:, 0].tolist() == [1, 2, 0]


def test_users_function_with_custom_config(stages, tmp_path):
    graph = run(stages, tmp_path, "tests.components.users_functions.with_custom_config")
    assert [model_input.name for model_input in inputs_of(graph)] == ["age"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("missing", "cannot be imported: AttributeError"),
        ("takes_more", r"takes \(inputs, other\), and"),
        ("fails", r"failed at .*users_functions.py:\d+: ValueError: no such column among \['age', 'fare', 'late'"),
        ("fails_on_data", "failed while train was analyzed: .*too old"),
        ("gives_sparse", "Output 'town' .* is a SparseTensor, and a dense tensor was expected"),
        ("gives_text", "Output 'town' .* is text, and numbers were expected"),
        ("gives_minus_two", "Output 'town' .* can be -2, and an index from 0, or -1 for unknown, was expected"),
        ("gives_integers", "Output 'age' .* is an integer whose range tf.Transform does not know"),
        ("gives_nan", "Output 'age' .* is NaN or infinite in 4 of 4 rows"),
        ("gives_nothing", "gave {}, and a dict of names to tensors was expected"),
    ],
)
def test_mistakes_of_users_functions_are_told(stages, tmp_path, function, expected):
    with pytest.raises(UserError, match=rf"(?s)users_functions\.{function}'.*{expected}|{expected}") as error:
        run(stages, tmp_path, f"tests.components.users_functions.{function}")
    assert f"users_functions.{function}" in str(error.value)


@pytest.mark.slow
def test_a_new_span_is_analyzed_alone(tmp_path):
    """The first run has rows 0 and 1, each in a file; the second a third file as well, and all lie elsewhere."""
    dotted = "tests.components.users_functions.scaled_and_crossed"
    spec = Spec(SPEC.label, SPEC.features, preprocessing_fn=dotted)
    types = {"int": schema_pb2.INT, "float": schema_pb2.FLOAT, "text": schema_pb2.BYTES}
    fields = [schema_pb2.Feature(name=name, type=types[payload]) for name, payload in COLUMNS.items()]
    schema = transform.raw_schema(schema_pb2.Schema(feature=fields), spec)
    analyzed, known = [], []
    for rows in (2, 3):
        folder = tmp_path / str(rows)
        train = {name: values[:rows] for name, values in TRAIN.items()}
        made = data_stages.write_examples(folder / "examples", COLUMNS, {"train": train}, rows_in_file=1)
        graph = data_stages.artifact(standard_artifacts.TransformGraph, folder / "graph")
        pipelines = []
        context = recording(pipelines)
        known.append(user_analysis.analyze(context, made, schema, graph, spec, str(tmp_path / "cache")))
        query = beam.metrics.MetricsFilter().with_name("num_instances")
        counters = pipelines[0].result.metrics().query(query)["counters"]
        analyzed.append(sum(counter.committed for counter in counters))
    assert (analyzed, known) == ([2, 1], [0, 2])
    rows = transform.sample(graph.uri, examples.row_groups(f"{made.uri}/Split-train"))
    assert rows["age"] == pytest.approx((np.array([20, 30, 40]) - 30) / np.std([20, 30, 40]))
    assert rows["town"].tolist() == [[1], [0], [0]], "as the function gives it"


def recording(pipelines):
    """Returns an executor's context that keeps the Beam pipelines which are made in it."""

    def make():
        pipelines.append(beam.Pipeline(argv=data_stages.BEAM))
        return pipelines[-1]

    return base_beam_executor.BaseBeamExecutor.Context(make_beam_pipeline_fn=make, tmp_dir="", unique_id="1")


def test_any_column_name_goes_through(tmp_path):
    names = ["a b", "ü/x", 'q"uote', "1st", "a.b", "x:0", "x_missing", "x", "$%", "_"]
    columns = {**dict.fromkeys(names, "float"), "täg": "text", "is late?": "int"}
    rows = {name: [1.0, None, 1.0] for name in names} | {"täg": ["a", "b", None], "is late?": [0, 1, 0]}
    features = [Feature(name, "numeric", "float") for name in names] + [Feature("täg", "categorical", "text")]
    spec = Spec(Label("is late?", "binary", "int", ("0", "1")), tuple(features))
    made = data_stages.write_examples(tmp_path / "examples", columns, {"train": rows, "test": rows})
    stages = {"examples": made, "statistics": data_stages.make_statistics(made, spec, tmp_path / "statistics")}
    stages["schema"] = data_stages.artifact(standard_artifacts.Schema, tmp_path / "schema")
    given = {"statistics": stages["statistics"]}
    data_stages.run(schema_gen.SchemaGen, given, {"schema": stages["schema"]}, spec=spec.to_json())
    anomalies = data_stages.artifact(standard_artifacts.ExampleAnomalies, tmp_path / "anomalies")
    data_stages.run(validator.ExampleValidator, stages, {"anomalies": anomalies}, spec=spec.to_json(), validate="{}")
    graph = data_stages.artifact(standard_artifacts.TransformGraph, tmp_path / "graph")
    data_stages.run(transform.Transform, stages, {"transform_graph": graph}, spec=spec.to_json())
    transformed = transform.sample(graph.uri, examples.row_groups(f"{made.uri}/Split-train"))
    for name in names:
        assert transformed[name].tolist() == [1, 1, 1]
    assert transformed["x_missing_"].tolist() == [0, 1, 0]
    assert transformed["täg"].tolist() == [1, 0, 3]
