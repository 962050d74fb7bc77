import json
import logging
import pathlib

import numpy as np
import pytest
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx.components.schema_gen import executor as stock_schema_gen
from tfx.components.statistics_gen import executor as stock_statistics_gen
from tfx.types import standard_artifacts

from components.statistics_gen import quantiles_generator, statistics_pipeline
from components.statistics_gen.component import StatisticsGen
from core.errors import UserError
from core.spec import Feature, Label, Spec
from models.preprocessing.feature_stats import COUNT, MEAN, QUANTILES, STD
from tests.components import data_stages

COLUMNS = {"age": "int", "fare": "float", "town": "text", "zone": "int", "weight": "float", "late": "int"}
SPEC = Spec(
    Label("late", "binary", "int", ("0", "1")),
    (
        Feature("age", "numeric", "int"),
        Feature("fare", "numeric", "float"),
        Feature("town", "categorical", "text"),
        Feature("zone", "categorical", "int"),
    ),
)
ROWS = {
    "age": [20, 30, 40, 50],
    "fare": [1.0, float("nan"), None, 3.0],
    "town": ["Bern", "Rom", "Bern", None],
    "zone": [7, 7, 8, 7],
    "weight": [1.0, 1.0, 1.0, 5.0],
    "late": [0, 1, 1, 1],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("examples")
    rows = {name: values[:2] for name, values in ROWS.items()}
    return data_stages.write_examples(folder, COLUMNS, {"train": ROWS, "eval": rows})


@pytest.fixture(scope="module")
def statistics(made, tmp_path_factory):
    return data_stages.make_statistics(made, SPEC, tmp_path_factory.mktemp("statistics"))


def test_values_by_hand(statistics):
    found = data_stages.features(statistics, "train")
    assert list(found) == list(COLUMNS)
    age, fare = found["age"].num_stats, found["fare"].num_stats
    assert (age.mean, age.min, age.max, age.num_zeros) == (35, 20, 50, 0)
    assert age.std_dev == pytest.approx(np.std([20, 30, 40, 50]))
    assert (fare.common_stats.num_missing, fare.histograms[0].num_nan) == (1, 1)
    assert [(bucket.label, bucket.sample_count) for bucket in found["town"].string_stats.rank_histogram.buckets] == [
        ("Bern", 2),
        ("Rom", 1),
    ]
    assert found["town"].string_stats.common_stats.num_missing == 1


def test_integer_categories_and_the_label_are_counted(statistics):
    found = data_stages.features(statistics, "train")
    assert [(top.value, top.frequency) for top in found["zone"].string_stats.top_values] == [("7", 3), ("8", 1)]
    assert [(top.value, top.frequency) for top in found["late"].string_stats.top_values] == [("1", 3), ("0", 1)]


def test_integer_categories_of_several_values_a_row(tmp_path):
    columns, rows = {"zone": "int", "late": "int"}, {"zone": [[7, -8], None, [], [7]], "late": [0, 1, 0, 1]}
    made = data_stages.write_examples(tmp_path / "examples", columns, {"train": rows})
    spec = Spec(SPEC.label, (Feature("zone", "categorical", "int", repeated=True),))
    zone = data_stages.features(data_stages.make_statistics(made, spec, tmp_path / "statistics"), "train")["zone"]
    common = zone.string_stats.common_stats
    assert (common.num_missing, common.tot_num_values, common.max_num_values) == (1, 3, 2)
    assert [(top.value, top.frequency) for top in zone.string_stats.top_values] == [("7", 2), ("-8", 1)]
    assert zone.type == statistics_pb2.FeatureNameStatistics.INT


def test_fine_quantiles_are_of_finite_values(statistics):
    custom = {statistic.name: statistic for statistic in data_stages.features(statistics, "train")["fare"].custom_stats}
    assert (custom[COUNT].num, custom[MEAN].num, custom[STD].num) == (2, 2, 1)
    buckets = custom[QUANTILES].histogram.buckets
    assert (len(buckets), buckets[0].low_value, buckets[-1].high_value) == (48, 1, 3)


def test_every_split_has_its_own(statistics):
    assert statistics.split_names == '["train", "eval"]'
    assert statistics.span == 0
    assert data_stages.read_statistics(statistics, "eval").datasets[0].num_examples == 2


def test_finding_names_the_gappiest_column(statistics):
    assert statistics.get_string_custom_property("finding") == "6 columns over 6 rows · most missing: fare 25.0%"
    assert json.loads(statistics.get_string_custom_property("report"))["rows"] == {"train": 4, "eval": 2}


def test_stock_schema_gen_reads_it(statistics, tmp_path):
    schema = data_stages.artifact(standard_artifacts.Schema, tmp_path)
    data_stages.run(stock_schema_gen.Executor, {"statistics": statistics}, {"schema": schema})
    names = [feature.name for feature in tfdv.load_schema_text(str(tmp_path / "schema.pbtxt")).feature]
    assert names == list(COLUMNS)


@pytest.mark.slow
def test_stock_statistics_gen_reads_our_examples_and_agrees(made, statistics, tmp_path):
    stock = data_stages.artifact(standard_artifacts.ExampleStatistics, tmp_path)
    data_stages.run(stock_statistics_gen.Executor, {"examples": made}, {"statistics": stock})
    ours, theirs = data_stages.features(statistics, "train"), data_stages.features(stock, "train")
    for name in ("age", "fare"):
        left, right = ours[name].num_stats, theirs[name].num_stats
        assert left.mean == pytest.approx(right.mean, rel=1e-12)
        assert (left.min, left.median, left.max, left.common_stats) == (
            right.min,
            right.median,
            right.max,
            right.common_stats,
        )
    assert ours["town"].string_stats.top_values == theirs["town"].string_stats.top_values


def test_weights_and_slices(made, tmp_path):
    spec = Spec(SPEC.label, SPEC.features, weight="weight")
    options = json.dumps({"slices": [["zone"], ["town", "zone"]]})
    statistics = data_stages.make_statistics(made, spec, tmp_path, options)
    names = [dataset.name for dataset in data_stages.read_statistics(statistics, "train").datasets]
    assert names == ["All Examples", "town_Bern_zone_7", "town_Bern_zone_8", "town_Rom_zone_7", "zone_7", "zone_8"]
    assert data_stages.features(statistics, "train")["age"].num_stats.weighted_numeric_stats.mean == pytest.approx(
        (20 + 30 + 40 + 5 * 50) / 8
    )
    assert data_stages.features(statistics, "train", names.index("zone_7"))["age"].num_stats.mean == pytest.approx(
        (20 + 30 + 50) / 3
    )


def test_blocks_of_rows_and_columns_add_up_to_the_whole(made, statistics, tmp_path, monkeypatch):
    monkeypatch.setattr(statistics_pipeline, "_BLOCK_COLUMNS", 2)
    monkeypatch.setattr(statistics_pipeline, "_BLOCK_ROWS", 1)
    several = data_stages.write_examples(tmp_path / "examples", COLUMNS, {"train": ROWS}, rows_in_file=1)
    divided = data_stages.make_statistics(several, SPEC, tmp_path / "statistics")
    ours, whole = data_stages.features(divided, "train"), data_stages.features(statistics, "train")
    assert list(ours) == list(whole)
    for name in COLUMNS:
        kind = whole[name].WhichOneof("stats")
        assert getattr(ours[name], kind).common_stats.num_missing == getattr(whole[name], kind).common_stats.num_missing
        assert ours[name].string_stats.top_values == whole[name].string_stats.top_values
        assert ours[name].num_stats.mean == pytest.approx(whole[name].num_stats.mean)
        assert ours[name].num_stats.std_dev == pytest.approx(whole[name].num_stats.std_dev)


def test_quantiles_keep_the_stated_error():
    values = np.random.default_rng(0).lognormal(size=200_000)
    parts = np.array_split(values, 7)
    numbers = [quantiles_generator.FiniteValues(quantiles_generator.epsilon(48)) for _ in parts]
    for accumulator, part in zip(numbers, parts, strict=True):
        accumulator.add(part)
    for other in numbers[1:]:
        numbers[0].merge(other)
    edges = numbers[0].sketch.GetQuantiles(48).flatten().to_numpy(zero_copy_only=False)
    ranks = np.searchsorted(np.sort(values), edges) / len(values)
    assert np.abs(ranks - np.linspace(0, 1, 49)).max() <= quantiles_generator.epsilon(48)
    assert numbers[0].moments.mean == pytest.approx(values.mean(), rel=1e-12)


def test_progress_is_told(made, tmp_path, caplog):
    with caplog.at_level(logging.INFO, logger="skewless.progress"):
        data_stages.make_statistics(made, SPEC, tmp_path)
    last = [record for record in caplog.records if record.name == "skewless.progress"][-1]
    assert last.message.startswith("6 rows, ")
    assert (last.done, last.total) == (36, 36)


def test_a_split_without_rows_is_an_error(made, tmp_path):
    empty = data_stages.artifact(standard_artifacts.Examples, tmp_path, ["train"])
    statistics = data_stages.artifact(standard_artifacts.ExampleStatistics, tmp_path / "statistics")
    with pytest.raises(UserError, match="Split 'train' has no rows"):
        data_stages.run(
            StatisticsGen, {"examples": empty}, {"statistics": statistics}, spec=SPEC.to_json(), statistics_options="{}"
        )


def test_a_row_without_a_weight_is_an_error(tmp_path):
    rows = {**ROWS, "weight": [1.0, None, 2.0, 3.0]}
    made = data_stages.write_examples(tmp_path / "examples", COLUMNS, {"train": rows})
    spec = Spec(SPEC.label, SPEC.features, weight="weight")
    with pytest.raises(UserError, match=r"^Weight column 'weight' is missing in 1 of 4 rows"):
        data_stages.make_statistics(made, spec, tmp_path / "statistics")


@pytest.mark.slow
def test_a_new_span_reuses_the_files_of_earlier_ones(tmp_path, statistics):
    """The second run has a new folder, a file of the first run under another name, and a new file."""
    cache = str(tmp_path / "cache")
    rows = {name: [*values, *values[::-1]] for name, values in ROWS.items()}
    new = {name: [*values, *ROWS[name][:2]] for name, values in ROWS.items()}
    for number, (split, expected) in enumerate([(rows, 0), (new, 4), (new, 6)]):
        made = data_stages.write_examples(tmp_path / str(number), COLUMNS, {"train": split}, rows_in_file=4)
        pathlib.Path(made.uri, "Split-train", "part-0.parquet").rename(
            pathlib.Path(made.uri, "Split-train", "part-9.parquet")
        )
        found = data_stages.make_statistics(made, SPEC, tmp_path / f"statistics{number}", cache=cache)
        assert json.loads(found.get_string_custom_property("report"))["reused_rows"] == expected
        plain = data_stages.make_statistics(made, SPEC, tmp_path / f"plain{number}")
        ours, theirs = data_stages.features(found, "train"), data_stages.features(plain, "train")
        assert ours["town"].string_stats.rank_histogram == theirs["town"].string_stats.rank_histogram
        assert ours["fare"].num_stats.mean == pytest.approx(theirs["fare"].num_stats.mean)
    assert "6 columns over 6 rows, 6 of them from the cache" in found.get_string_custom_property("finding")
    assert len(list((tmp_path / "cache").iterdir())) == 2


@pytest.mark.slow
def test_two_worker_processes_give_the_same(tmp_path, monkeypatch):
    """Each file is a block of its own, so that accumulators travel between processes."""
    monkeypatch.setattr(statistics_pipeline, "_BLOCK_ROWS", 1_000)
    generator = np.random.default_rng(0)
    rows = {
        "age": generator.integers(0, 90, 6_000).tolist(),
        "fare": generator.lognormal(size=6_000).tolist(),
        "town": [f"town {number}" for number in generator.integers(0, 50, 6_000)],
        "zone": generator.integers(0, 9, 6_000).tolist(),
        "weight": [1.0] * 6_000,
        "late": [0, 1] * 3_000,
    }
    made = data_stages.write_examples(tmp_path / "examples", COLUMNS, {"train": rows}, rows_in_file=1_000)
    workers = ["--direct_num_workers=2", "--direct_running_mode=multi_processing"]
    ours = []
    for name, beam in (("one", []), ("two", workers)):
        statistics = data_stages.artifact(standard_artifacts.ExampleStatistics, tmp_path / name)
        data_stages.run(
            StatisticsGen,
            {"examples": made},
            {"statistics": statistics},
            [*data_stages.BEAM, *beam],
            spec=SPEC.to_json(),
            statistics_options="{}",
        )
        ours.append(data_stages.features(statistics, "train"))
    one, two = ours
    for name in ("town", "zone", "late"):
        assert one[name].string_stats.rank_histogram == two[name].string_stats.rank_histogram
    for name in ("age", "fare"):
        assert one[name].num_stats.mean == pytest.approx(two[name].num_stats.mean, rel=1e-12)
        left, right = (custom_quantiles(statistics[name]) for statistics in ours)
        ordered = np.sort(rows[name])
        assert np.abs(np.searchsorted(ordered, left) - np.searchsorted(ordered, right)).max() <= 6_000 * (
            2 * quantiles_generator.epsilon(48) + np.max(np.unique(ordered, return_counts=True)[1]) / 6_000
        )


def custom_quantiles(feature):
    (histogram,) = (statistic.histogram for statistic in feature.custom_stats if statistic.name == QUANTILES)
    return np.array([bucket.high_value for bucket in histogram.buckets])
