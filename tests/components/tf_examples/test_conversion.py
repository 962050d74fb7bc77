"""The bridge to stock components: TFRecord out of our Examples, and our Examples out of stock ones."""

import pathlib
import subprocess
import sys

import pytest
import tensorflow as tf
from tfx.components.example_gen.csv_example_gen import executor as stock_example_gen
from tfx.proto import example_gen_pb2
from tfx.types import standard_artifacts
from tfx.utils import proto_utils

from components.tf_examples import conversion
from core import examples
from core.errors import UserError
from core.spec import Feature, Label, Spec
from tests.components import data_stages

COLUMNS = {"age": "int", "fare": "float", "late": "int", "towns": "text"}
ROWS = {"age": [20, None, 40], "fare": [1.5, 2.5, None], "late": [0, 1, 1], "towns": [["Rom", "Bern"], None, "Köln"]}
SPEC = Spec(Label("late", "binary", "int", ("0", "1")), (Feature("age", "numeric", "int"),))


def rows_of(uri: str, split: str) -> list[dict[str, object]]:
    return [row for group in examples.row_groups(f"{uri}/Split-{split}") for row in examples.read(group).to_pylist()]


def test_there_and_back_is_the_same(tmp_path: pathlib.Path) -> None:
    made = data_stages.write_examples(tmp_path / "made", COLUMNS, {"train": ROWS, "test": ROWS}, rows_in_file=2)
    records = data_stages.artifact(standard_artifacts.Examples, tmp_path / "records")
    conversion.write_artifact(made, records)
    back = data_stages.artifact(standard_artifacts.Examples, tmp_path / "back")
    conversion.read_artifact(records, back)
    for split in ("train", "test"):
        assert rows_of(back.uri, split) == rows_of(made.uri, split)
    assert (back.split_names, back.get_string_custom_property("payload_format")) == (
        made.split_names,
        "FORMAT_PARQUET",
    )


def test_float64_becomes_the_float32_of_tf_example(tmp_path: pathlib.Path) -> None:
    rows = {"x": [1_390_000_012.5, None, 0.5]}
    made = data_stages.write_examples(tmp_path / "made", {"x": "double"}, {"train": rows})
    conversion.write(made.uri, str(tmp_path / "records"), ["train"])
    conversion.read(str(tmp_path / "records"), str(tmp_path / "back"), ["train"])
    assert rows_of(str(tmp_path / "back"), "train") == [{"x": [1_390_000_000.0]}, {"x": None}, {"x": [0.5]}]


def test_our_statistics_of_stock_examples(tmp_path: pathlib.Path) -> None:
    (tmp_path / "csv").mkdir()
    rows = [f"{age},town {age % 3},{age % 2}" for age in range(20, 80)]
    (tmp_path / "csv" / "data.csv").write_text("\n".join(["age,town,late", *rows]))
    stock = data_stages.artifact(standard_artifacts.Examples, tmp_path / "stock")
    split = example_gen_pb2.SplitConfig.Split
    config = example_gen_pb2.SplitConfig(
        splits=[split(name="train", hash_buckets=3), split(name="test", hash_buckets=1)]
    )
    inputs = example_gen_pb2.Input(splits=[example_gen_pb2.Input.Split(name="all", pattern="*.csv")])
    data_stages.run(
        stock_example_gen.Executor,
        {},
        {"examples": stock},
        input_base=str(tmp_path / "csv"),
        input_config=proto_utils.proto_to_json(inputs),
        output_config=proto_utils.proto_to_json(example_gen_pb2.Output(split_config=config)),
        output_data_format=example_gen_pb2.FORMAT_TF_EXAMPLE,
    )
    with pytest.raises(UserError, match=r"Split-train holds TFRecord files, .* `python -m components.tf_examples "):
        data_stages.make_statistics(stock, SPEC, tmp_path / "failed")
    ours = data_stages.artifact(standard_artifacts.Examples, tmp_path / "ours")
    conversion.read_artifact(stock, ours)
    statistics = data_stages.make_statistics(ours, SPEC, tmp_path / "statistics")
    found = {split: data_stages.features(statistics, split)["age"].num_stats for split in ("train", "test")}
    assert sum(numbers.common_stats.tot_num_values for numbers in found.values()) == 60
    assert (
        min(numbers.min for numbers in found.values()),
        max(numbers.max for numbers in found.values()),
    ) == (20, 79)


@pytest.mark.slow
def test_the_command_copies_either_way(tmp_path: pathlib.Path) -> None:
    data_stages.write_examples(tmp_path / "made", COLUMNS, {"train": ROWS})
    for source, target in (("made", "records"), ("records", "back")):
        command = [
            sys.executable,
            "-m",
            "components.tf_examples",
            str(tmp_path / source),
            str(tmp_path / target),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout == "train: 3 records\n"
    assert rows_of(str(tmp_path / "back"), "train") == rows_of(str(tmp_path / "made"), "train")


def test_a_record_that_is_no_example_is_named(tmp_path: pathlib.Path) -> None:
    data_stages.write_examples(tmp_path / "made", COLUMNS, {"train": ROWS})
    conversion.write(str(tmp_path / "made"), str(tmp_path / "records"), ["train"])
    (file,) = examples.record_files(str(tmp_path / "records" / "Split-train"))
    plain = pathlib.Path(file).with_name("more_tfrecord")
    plain.write_bytes(conversion.tfrecord.framed(b"no example"))
    with pytest.raises(UserError, match=r"more_tfrecord, record 1: the record is not the tf.Example"):
        conversion.read(str(tmp_path / "records"), str(tmp_path / "back"), ["train"])
    assert not (tmp_path / "back" / "Split-train" / "part-00000.parquet").exists()


def test_a_feature_of_two_types_is_named(tmp_path: pathlib.Path) -> None:
    """tfx-bsl decodes each of these records alone, and not both together."""
    lists = {"bytes_list": tf.train.BytesList(value=[b"x"]), "int64_list": tf.train.Int64List(value=[1])}
    features = [tf.train.Features(feature={"age": tf.train.Feature(**{name: lists[name]})}) for name in lists]
    records = [tf.train.Example(features=feature).SerializeToString() for feature in features]
    (tmp_path / "data.tfrecord").write_bytes(b"".join(map(conversion.tfrecord.framed, records)))
    with pytest.raises(
        UserError, match=r"data.tfrecord: a feature is of different types in .* for feature .age.\. Write"
    ):
        conversion.tfrecord.columns([str(tmp_path / "data.tfrecord")])
