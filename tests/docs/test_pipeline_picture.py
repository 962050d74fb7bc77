"""The picture of the pipeline, drawn from stages written by hand."""

import dataclasses
import itertools

from docs.generate import pipeline_picture
from tests.docs import svg_labels


@dataclasses.dataclass(frozen=True)
class Stage:
    name: str
    component: str
    inputs: dict[str, str] = dataclasses.field(default_factory=dict)
    after: tuple[str, ...] = ()


EXAMPLES = Stage("ExampleGen", "components.example_gen.component.ExampleGen")
STATISTICS = Stage(
    "StatisticsGen", "components.statistics_gen.component.StatisticsGen", {"examples": "ExampleGen.examples"}
)
VALIDATOR = Stage(
    "ExampleValidator",
    "components.example_validator.component.ExampleValidator",
    {"examples": "ExampleGen.examples", "statistics": "StatisticsGen.statistics"},
)
TRAINER = Stage(
    "Trainer", "components.trainer.component.Trainer", {"examples": "ExampleGen.examples"}, ("ExampleValidator",)
)
STAGES = [EXAMPLES, STATISTICS, VALIDATOR, TRAINER]


def texts(picture):
    return [content for content, *_ in svg_labels.labels(picture)]


def test_every_stage_has_a_box_with_its_name_and_folder():
    picture = pipeline_picture.picture(STAGES)
    assert len(svg_labels.boxes(picture)) == 4
    for stage in STAGES:
        assert stage.name in texts(picture)
    assert "components/example_validator/" in texts(picture)


def test_every_output_that_is_read_has_a_line_with_its_name():
    picture = pipeline_picture.picture(STAGES)
    assert [texts(picture).count(name) for name in ("examples", "statistics", "success")] == [1, 1, 1]
    # ExampleGen.examples to three stages, StatisticsGen.statistics to one, and the wait for ExampleValidator
    assert picture.count("<circle") == 5


def test_a_stage_that_is_added_appears():
    added = Stage("Calibrator", "components.calibrator.component.Calibrator", {"model": "Trainer.model"})
    before, after = pipeline_picture.picture(STAGES), pipeline_picture.picture([*STAGES, added])
    assert "Calibrator" not in texts(before)
    assert {"Calibrator", "components/calibrator/", "model"} <= set(texts(after))


def test_stages_are_ordered_by_the_longest_path_to_them():
    late_first = [TRAINER, VALIDATOR, EXAMPLES, STATISTICS]
    assert [stage.name for stage in pipeline_picture.ordered(late_first)] == [
        "ExampleGen",
        "StatisticsGen",
        "ExampleValidator",
        "Trainer",
    ]


def test_lines_in_one_column_do_not_overlap():
    rows = pipeline_picture.ordered(STAGES)
    for column in pipeline_picture.placed(pipeline_picture.lanes(rows)):
        spans = sorted((lane.start, lane.end) for lane in column)
        assert all(first[1] <= second[0] for first, second in itertools.pairwise(spans))


def test_no_label_leaves_its_box_however_long_the_names_are():
    long = Stage("AStageWithAVeryLongNameIndeed", "components.a_stage_with_a_long_folder_name.component.A")
    reader = Stage(
        "Reader", "components.reader.component.Reader", {"a": f"{long.name}.an_output_with_a_very_long_name"}
    )
    assert svg_labels.misplaced(pipeline_picture.picture([*STAGES, long, reader])) == []


def test_the_declared_pipeline_fits_a_page_of_documentation():
    picture = pipeline_picture.picture()
    assert svg_labels.misplaced(picture) == []
    assert max(right for _, _, right, _ in svg_labels.labels(picture)) < 1_040
