"""The configuration: what is read, what is refused, and in which words."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.config.sections import FeatureOptions
from core.errors import UserError
from pipeline.config import settings, yaml_reader

MINIMAL = "data: {files: trips.csv}\nlabel: tip\n"


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str) -> Path:
        path = tmp_path / "taxi.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def message(*arguments, **keywords) -> str:
    with pytest.raises(UserError) as raised:
        settings.load(*arguments, **keywords)
    return str(raised.value)


def test_all_but_data_and_label_has_a_default(write):
    loaded = settings.load(write(MINIMAL))

    assert loaded.name == "taxi"
    assert loaded.data.files == ("trips.csv",)
    assert loaded.label == "tip"
    assert loaded.task is None
    assert (loaded.split.by, loaded.split.fractions.train) == ("hash", 0.8)
    assert (loaded.train.epochs, loaded.tune.trials, loaded.model.family) == (60, 4, "auto")


def test_flags_alone_make_a_configuration():
    loaded = settings.load(files="data/my trips.csv", label="tip")

    assert (loaded.name, loaded.data.files, loaded.label) == ("my-trips", ("data/my trips.csv",), "tip")


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ("data/penguins.csv", "penguins"),
        ("data/taxi/*.csv", "taxi"),
        ("spans/{SPAN}/x.csv.gz", "x"),
        ("spans/{SPAN}/*", "spans"),
        ("*.csv", "table"),
        ("package:tfx/examples/data.csv", "data"),
    ],
)
def test_name_is_that_of_the_first_file(files, name):
    assert settings.load(files=files, label="y").name == name


def test_flags_lie_over_the_file_in_their_order(write):
    path = write(MINIMAL + "train: {epochs: 9, seed: 1}\nfeatures: {hour: categorical}\n")

    loaded = settings.load(
        path, label="fare", sets=["train.epochs=2", "train.epochs=3", "features.hour.vocabulary=5", "tune.trials=0"]
    )

    assert (loaded.label, loaded.train.epochs, loaded.train.seed, loaded.tune.trials) == ("fare", 3, 1, 0)
    assert loaded.features["hour"] == FeatureOptions(kind="categorical", vocabulary=5)


def test_set_takes_yaml_values_and_quoted_keys(write):
    sets = [
        'features."a.b"=ignore',
        'features."x=y".kind=text',
        "train.learning_rate=1e-4",
        "evaluate.slices=[[hour], [day, hour]]",
        "classes=[0, 1]",
        "data.max_bad_rows=1",
    ]

    loaded = settings.load(write(MINIMAL), sets=sets)

    assert loaded.features == {"a.b": FeatureOptions(kind="ignore"), "x=y": FeatureOptions(kind="text")}
    assert loaded.train.learning_rate == 0.0001
    assert loaded.evaluate.slices == (("hour",), ("day", "hour"))
    assert loaded.classes == ("0", "1")
    assert loaded.data.max_bad_rows == 1.0


def test_yaml_keeps_texts_that_old_yaml_would_change(write):
    text = "data: {files: [no, 2024-01-01, 007, 12:30]}\nlabel: on\nfeatures: {yes: categorical, 1: text}\n"

    loaded = settings.load(write(text))

    assert loaded.data.files == ("no", "2024-01-01", "007", "12:30")
    assert (loaded.label, list(loaded.features)) == ("on", ["yes", "1"])


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("train: {epoch: 3}", [":3: `train.epoch` is not a known key", "Did you mean 'epochs'?", "patience"]),
        ("trian: {epochs: 3}", ["`trian` is not a known key", "Did you mean 'train'?"]),
        ("task: binry", ["`task` is binry", "Did you mean 'binary'?", "multiclass, regression"]),
        ("features: {hour: categoricl}", ["`features.hour.kind` is categoricl", "Did you mean 'categorical'?"]),
        ("train: {epochs: many}", ["`train.epochs` is many", "integer"]),
        ("train: {epochs: 0}", ["`train.epochs` is 0", "greater than or equal to 1"]),
        ("train: {epochs: true}", ["`train.epochs` is true", "integer"]),
        ("train: 3", ["`train` is 3, expected a mapping", "epochs"]),
        ("train: {learning_rate: .nan}", ["`train.learning_rate` is .nan", "finite"]),
        ("split: {by: time}", ["`by: time` needs a column"]),
        ("split: {fractions: {train: 0.9}}", ["add up to 1.1", "expected 1"]),
        ("model: {family: mpl}", ["'mpl'", "Did you mean 'mlp'?"]),
        ("model: {family: mlp, hyperparameters: {unit: 3}}", ["'unit'", "Did you mean 'units'?"]),
        ("evaluate: {gates: {acu: {min: 0.7}}}", [":3: `evaluate.gates.acu`", "Did you mean 'auc'?"]),
        ("evaluate: {gates: {auc: {min: 0.9, max: 0.7}}}", ["min 0.9 is above max 0.7"]),
        ("evaluate: {gates: {auc: {}}}", ["a gate without limits"]),
        ("features: {tip: numeric}", ["`tip` is the label and stands under features too"]),
        ("weight: tip", ["both label and weight"]),
        ("classes: [a, b]\ntask: regression", ["classes are given for a regression"]),
        ("classes: [a, a]", ["names a class twice"]),
        ("preprocessing_fn: my function", ["is not a dotted path", "package.module.function"]),
        ("preprocessing_fn: no_such.module.fn", ["preprocessing_fn", "no module no_such"]),
        ("preprocessing_fn: models.specs.Spec", ["package models has no module specs"]),
        ("preprocessing_fn: core.spec.inputs_to_jsn", ["Did you mean 'inputs_to_json'?"]),
        ("name: ../x", ["cannot be a folder's name"]),
        ("schema_file: nowhere.pbtxt", ["schema_file", "nowhere.pbtxt"]),
        ("label: other", [":3: `label` is given twice, first on line 2"]),
        ("train: {epochs: 3, epochs: 4}", ["`train.epochs` is given twice"]),
        ("train: [", [":4:1: this is not YAML"]),
        ("train: &a {epochs: 3}\ntune: *a", ["an alias"]),
        ("train: !!python/object:os.system {}", ["not YAML", "python"]),
        ("evaluate: {slices: [town]}", [":3: `evaluate.slices.0` is town, expected a list, such as [town]"]),
        ("[a]: 3", ["a key is a list or a mapping"]),
    ],
)
def test_errors_name_the_line_the_field_and_what_is_accepted(write, text, parts):
    path = write(MINIMAL + text + "\n")

    found = message(path)

    assert found.startswith((str(path), "schema_file", "preprocessing_fn"))
    for part in parts:
        assert part in found
    assert "Traceback" not in found
    assert "pydantic" not in found


def test_all_errors_are_said_at_once(write):
    found = message(write("data: {files: x.csv, formt: csv}\ntrain: {epochs: 0}\n"))

    assert [line.split(": `")[1].split("`")[0] for line in found.splitlines()] == [
        "data.formt",
        "label",
        "train.epochs",
    ]


def test_errors_in_flags_name_the_flag(write):
    path = write(MINIMAL)

    assert message(path, sets=["train.epochs=x"]).startswith("--set train.epochs=x: `train.epochs` is x")
    assert message(path, sets=["train.epochs"]).startswith("--set train.epochs is not of the form KEY.KEY=VALUE")
    assert message(path, sets=["train.epochs=[1"]).startswith("--set train.epochs:")
    assert message(path, name="a/b").startswith("--name: ")


@pytest.mark.parametrize(
    ("content", "part"),
    [(b"", "is empty"), (b"- a\n", "expected a mapping"), (b"\xff\xfe\x00", "not UTF-8"), (b"[" * 50_000, "YAML")],
)
def test_files_that_are_no_configuration(tmp_path, content, part):
    path = tmp_path / "broken.yaml"
    path.write_bytes(content)

    assert part in message(path)


def test_missing_file_suggests_its_neighbour(write, tmp_path):
    write(MINIMAL)

    assert "Did you mean 'taxi.yaml'?" in message(tmp_path / "taxy.yaml")
    assert "--data FILES --label COLUMN" in message(tmp_path / "trips.csv")
    assert "cannot be read" in message(tmp_path)


def test_nothing_given():
    assert "--data FILES and --label COLUMN" in message()
    assert message(files="x.csv").startswith("--label is missing")


def test_paths_are_those_of_the_current_folder_first(tmp_path, monkeypatch, write):
    path = write(MINIMAL)
    (tmp_path / "trips.csv").write_text("a\n1\n")
    (tmp_path / "taxi.schema.pbtxt").write_text("")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    monkeypatch.chdir(elsewhere)
    assert settings.load(path).data.files == (str(tmp_path / "trips.csv"),)
    assert settings.load(path).schema_file == str(tmp_path / "taxi.schema.pbtxt")

    (elsewhere / "trips.csv").write_text("a\n1\n")
    assert settings.load(path).data.files == ("trips.csv",)


def test_preprocessing_fn_is_found_without_importing_it(write, tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "__init__.py").write_text("raise AssertionError('imported')")
    (tmp_path / "mine" / "prepare.py").write_text("def prepare(inputs): pass\nassert False")
    monkeypatch.syspath_prepend(tmp_path)

    assert (
        settings.load(write(MINIMAL), sets=["preprocessing_fn=mine.prepare.prepare"]).preprocessing_fn
        == "mine.prepare.prepare"
    )
    assert "defines no prepaer. Did you mean 'prepare'?" in message(
        write(MINIMAL), sets=["preprocessing_fn=mine.prepare.prepaer"]
    )


def test_settings_are_frozen(write):
    loaded = settings.load(write(MINIMAL))

    with pytest.raises(ValueError, match="frozen"):
        loaded.train.epochs = 3


def test_written_settings_are_read_again(write, tmp_path):
    text = MINIMAL + (
        "features: {'no': categorical, a.b: {kind: timestamp, unit: ms}, 'ü \"x\"': ignore}\n"
        "validate: {drift: {default: 0.3, features: {hour: null}}, max_leaked_rows: 0.01}\n"
        "evaluate: {gates: {auc: {min: 0.7}}}\nclasses: ['0', '1']\n"
        "beam: {runner: flink, options: {parallelism: 2, experiments: [a, b]}}\n"
        "data: {files: [a.csv, b.csv], query: \"SELECT *\\nFROM data -- é\", csv: {decimal: ','}}\n"
    ).replace("data: {files: trips.csv}\n", "")
    loaded = settings.load(write(text.replace(MINIMAL, "label: tip\n")))
    target = tmp_path / "runs" / "taxi" / "config.yaml"

    settings.write(loaded, target)

    assert settings.load(target) == loaded
    assert [file.name for file in target.parent.iterdir()] == ["config.yaml"]
    assert settings.to_yaml(settings.load(target)) == target.read_text(encoding="utf-8")


names = st.text(min_size=1, max_size=12)
roles = st.sampled_from(["numeric", "categorical", "text", "timestamp", "ignore"])


def test_a_query_keeps_its_lines(write):
    query = "SELECT *,\n  tips > 0.2 * fare AS big\nFROM data  -- ü\n"

    text = settings.to_yaml(settings.load(write(MINIMAL), sets=[f"data.query={query!r}".replace("'", '"')]))

    assert "  query: |\n    SELECT *,\n      tips > 0.2 * fare AS big\n    FROM data  -- ü\n" in text


@example(features={}, label="\x85", files=["a\u2028b", "\ufeff"], learning_rate=1.0, classes=["a\n b ", "\ta"])
@given(
    features=st.dictionaries(names, st.builds(dict, kind=roles, vocabulary=st.integers(1, 10**6)), max_size=4),
    label=names,
    files=st.lists(names, min_size=1, max_size=3),
    learning_rate=st.floats(1e-12, 10),
    classes=st.lists(names, unique=True, max_size=3),
)
@hypothesis_settings(max_examples=60, deadline=None)
def test_any_settings_come_back_from_their_yaml(features, label, files, learning_rate, classes):
    features.pop(label, None)
    values = {"name": "x", "data": {"files": files}, "label": label, "classes": classes, "features": features}
    built = settings.Settings.model_validate({**values, "train": {"learning_rate": learning_rate}})

    again, _ = yaml_reader.parse(settings.to_yaml(built), "here")

    assert settings.Settings.model_validate(again) == built


@given(st.lists(st.text(min_size=1), min_size=1, max_size=4))
def test_paths_of_keys_come_back_from_their_text(keys):
    assert yaml_reader.split_path(yaml_reader.join_path(tuple(keys))) == tuple(keys)


@given(st.text(max_size=40))
@hypothesis_settings(deadline=None)
def test_any_text_is_a_value_or_a_clean_error(text):
    try:
        yaml_reader.parse(text, "here")
        found = "here"
    except UserError as error:
        found = str(error)

    assert found.startswith("here")


@pytest.mark.parametrize("column", ["x", "a.b", "it's", 'say "x"', "a=b", "ü x"])
def test_the_flag_that_an_error_shows_does_what_it_says(write, column):
    import shlex

    flag, text = shlex.split(settings.set_flag("features", column, value="ignore"))

    assert flag == "--set"
    assert settings.load(write(MINIMAL), sets=[text]).features == {column: FeatureOptions(kind="ignore")}


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * REPLACE (lower(x) AS x) FROM data",
        """SELECT lower("Y") || 'it''s $HOME `x` \\s' AS y FROM data""",
        "SELECT 'a!b' FROM data",
        "SELECT a -- b: c # d",
        " blanks ",
        "two\nlines",
        "null",
        "[1",
    ],
)
def test_the_shell_and_yaml_read_a_query_in_a_flag_as_it_is(write, query):
    flag = settings.set_flag("data", "query", value=query)

    said = subprocess.run(["bash", "-c", f"printf '%s\\0' {flag}"], capture_output=True, text=True, check=True).stdout
    dashes, text, _ = said.split("\0")

    assert dashes == "--set"
    assert settings.load(write(MINIMAL), sets=[text]).data.query == query


def test_import_is_light():
    heavy = ("tensorflow", "numpy", "duckdb", "tfx")
    code = f"import sys, pipeline.config.settings; print([name for name in {heavy} if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout.strip() == "[]"
