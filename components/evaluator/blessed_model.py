"""Which model the candidate has to hold its own against: the one that was blessed last before it.

The stock strategy takes the latest blessed model of all. In a second run of an unchanged pipeline that is the
candidate itself: the input of the Evaluator changes, and it compares a model with itself. So this one leaves
the candidate out. Wiring:

    Resolver(
        strategy_class=LatestOtherBlessedModel,
        model=Channel(type=Model),
        model_blessing=Channel(type=ModelBlessing),
        candidate=trainer.outputs["model"],
    ).with_id("Resolver")
    Evaluator(..., blessed_model=resolver.outputs["model"])

Models of the node `Baseline` are among the models too, and never have a blessing.
"""

import ml_metadata
from tfx import types
from tfx.components.evaluator import constants
from tfx.dsl.components.common import resolver


class LatestOtherBlessedModel(resolver.ResolverStrategy):
    """Resolves `model` to the latest blessed model other than `candidate`, `model_blessing` to its blessing."""

    def resolve_artifacts(
        self, store: ml_metadata.MetadataStore, input_dict: dict[str, list[types.Artifact]]
    ) -> dict[str, list[types.Artifact]]:
        """Returns at most one model and its blessing, and no candidate; all are empty in a first run."""
        del store
        candidates = {artifact.id for artifact in input_dict["candidate"]}
        blessings = {
            blessing.get_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY): blessing
            for blessing in sorted(input_dict["model_blessing"], key=lambda each: each.id)
            if blessing.get_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY) == constants.BLESSED_VALUE
        }
        others = [each for each in input_dict["model"] if each.id in blessings and each.id not in candidates]
        latest = max(others, key=lambda each: blessings[each.id].id, default=None)
        if latest is None:
            return {"model": [], "model_blessing": [], "candidate": []}
        return {"model": [latest], "model_blessing": [blessings[latest.id]], "candidate": []}
