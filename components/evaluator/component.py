"""Evaluator: measures the candidate and its rivals on the test split with TFMA, and gives the blessing.

The rules are in `models.evaluation.gates`. A candidate that does not pass is a result: the blessing is 0.
"""

import dataclasses

import apache_beam as beam
from tfx.dsl.component.experimental.annotations import BeamComponentParameter, InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import path_utils

from components.base import stage_report
from components.evaluator import blessing as blessing_file
from components.evaluator import compared_models, evaluation_pipeline, explanation, slice_members
from core import examples as examples_payload
from core.config.sections import Evaluate
from core.spec import Spec
from models.evaluation import gates


@component(use_beam=True)
def Evaluator(
    examples: InputArtifact[standard_artifacts.Examples],
    model: InputArtifact[standard_artifacts.Model],
    evaluation: OutputArtifact[standard_artifacts.ModelEvaluation],
    blessing: OutputArtifact[standard_artifacts.ModelBlessing],
    spec: Parameter[str],
    evaluate: Parameter[str],
    champion: Parameter[str],
    fingerprint: Parameter[str],
    baseline_model: InputArtifact[standard_artifacts.Model] = None,
    challengers: InputArtifact[standard_artifacts.ModelRun] = None,
    pipeline: BeamComponentParameter[beam.Pipeline] = None,
) -> None:
    """Measures the candidate on the test split, and blesses it if it passes all gates.

    Args:
        examples: Examples with the splits train and test.
        model: the candidate.
        evaluation: the output: predictions, TFMA's results and the explanation.
        blessing: the output: the blessing in the stock form.
        spec: `Spec.to_json()`.
        evaluate: the section `Evaluate` as JSON.
        champion: the folder of the served version to compare with, or of several versions, of which the newest counts;
            empty where nothing is served.
        fingerprint: makes TFX's cache depend on the code.
        baseline_model: the linear model of the same run.
        challengers: the predictions on test of estimators of other libraries, which no gate looks at.
        pipeline: the Beam pipeline.

    Raises:
        UserError: a slicing has too many slices.
    """
    parsed, section = Spec.from_json(spec), Evaluate.model_validate_json(evaluate)
    saved = {
        name: path_utils.serving_model_path(artifact.uri, path_utils.is_old_model_artifact(artifact))
        for name, artifact in (("candidate", model), ("linear", baseline_model))
        if artifact is not None
    }
    models, notes = compared_models.find(saved, champion, parsed)
    train, test = (artifact_utils.get_split_uri([examples], split) for split in ("train", "test"))
    if examples_payload.num_rows(test):
        constant = compared_models.constant_prediction(train, parsed)
        evaluation_pipeline.run(pipeline, test, models, constant, parsed, section.all_slices, evaluation.uri)
    found = evaluation_pipeline.load(evaluation.uri, [*models, "constant"], parsed, section)
    found = slice_members.with_groups(found, test)
    results = gates.judge(found)
    if challengers is not None:
        found = compared_models.with_challengers(found, challengers.uri)
    explanation.write(evaluation.uri, found, train, test, models["candidate"], parsed)
    blessed = all(result.passed for result in results)
    blessing_file.write(blessing, model, models.get("champion"), blessed)
    summary = {
        "metrics": {"test": found.metrics.get("candidate", {})},
        "baselines": {name: metrics for name, metrics in found.metrics.items() if name != "candidate"},
        "gates": [dataclasses.asdict(result) for result in results],
    }
    line = evaluation_pipeline.describe(found, blessed)
    stage_report.record(evaluation, line, summary, warnings=notes)
