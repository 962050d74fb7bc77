"""The picture of the layers, drawn from imports written by hand and from those of the source."""

from docs.generate import architecture_picture
from tests.docs import svg_labels

LAYERS = [["pipeline"], ["models", "ingest"], ["core"]]
MODULES = [
    *("pipeline", "pipeline.run_local", "pipeline.run", "pipeline.run.plan"),
    *("models", "models.serving", "models.serving.export", "models.training", "models.training.fit"),
    *("ingest", "ingest.readers", "ingest.readers.csv"),
    *("core", "core.errors"),
]
IMPORTS = [
    ("pipeline.run_local", "pipeline.run.plan"),
    ("pipeline.run.plan", "models.serving.export"),
    ("models.training.fit", "models.serving.export"),
    ("models.training.fit", "core.errors"),
    ("models.serving.export", "core.errors"),
    ("ingest.readers.csv", "core.errors"),
]


def texts(picture):
    return [content for content, *_ in svg_labels.labels(picture)]


def test_packages_are_boxes_and_say_what_they_import():
    picture = architecture_picture.drawn(LAYERS, MODULES, IMPORTS)
    assert {"run/", "serving/", "training/", "readers/", "errors", "*.py"} <= set(texts(picture))
    # run/ imports models.serving, training/ imports models.serving, the loose run_local imports pipeline.run
    assert texts(picture).count("models: serving") == 2
    assert texts(picture).count("pipeline: run") == 1


def test_arrows_count_the_imports_between_two_layers():
    picture = architecture_picture.drawn(LAYERS, MODULES, IMPORTS)
    # pipeline to models 1, models to core 2, ingest to core 1
    assert picture.count("line arrow") == 3
    assert sorted(text for text in texts(picture) if text.isdigit()) == ["1", "1", "2"]


def test_a_package_that_is_added_appears():
    more = [*MODULES, "models.tuning", "models.tuning.search"]
    picture = architecture_picture.drawn(LAYERS, more, [*IMPORTS, ("models.tuning.search", "models.training.fit")])
    assert {"tuning/", "models: training"} <= set(texts(picture))


def test_a_dotted_path_in_a_string_counts_as_an_import():
    source = 'RUN_FN = "models.training.fit.run_fn"\nTEXT = "see models.serving.export"\nOTHER = "a.b"\n'
    assert architecture_picture.dotted_paths(source, MODULES) == {"models.training.fit"}


def test_the_layers_are_those_of_import_linter(tmp_path):
    project = tmp_path / "pyproject.toml"
    project.write_text('[[tool.importlinter.contracts]]\ntype = "layers"\nlayers = ["a", "b | c", "d"]\n')
    assert architecture_picture.declared_layers(project) == [["a"], ["b", "c"], ["d"]]


def test_no_label_of_the_source_tree_leaves_its_box():
    picture = architecture_picture.picture()
    assert svg_labels.misplaced(picture) == []
    assert {"pipeline", "components", "models", "ingest", "core"} <= set(texts(picture))
