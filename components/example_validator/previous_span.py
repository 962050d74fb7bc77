"""Which statistics the new ones are compared with for drift: those of the data before them that passed validation.

Statistics whose data were refused are left out: tomorrow's data must not be measured by today's broken ones. The choice
depends on the current statistics alone, so that an unchanged run stays cached. Wiring:

    Resolver(
        strategy_class=LatestValidatedBefore,
        statistics=Channel(type=ExampleStatistics),
        anomalies=Channel(type=ExampleAnomalies),
        current=statistics_gen.outputs["statistics"],
    ).with_id("PreviousSpan")
    ExampleValidator(..., previous_statistics=resolver.outputs["statistics"])
"""

import ml_metadata
from tfx import types
from tfx.dsl.components.common import resolver

STATISTICS_ID = "statistics_id"  # custom property of the anomalies: the statistics that were validated


class LatestValidatedBefore(resolver.ResolverStrategy):
    """Resolves `statistics` to the latest ones that were validated before the `current` ones were made."""

    def resolve_artifacts(
        self, store: ml_metadata.MetadataStore, input_dict: dict[str, list[types.Artifact]]
    ) -> dict[str, list[types.Artifact]]:
        """Returns at most one artifact; none when nothing was validated before."""
        del store
        current = min((artifact.id for artifact in input_dict["current"]), default=0)
        validated = {each.get_int_custom_property(STATISTICS_ID) for each in input_dict["anomalies"]}
        before = [each for each in input_dict["statistics"] if each.id in validated and each.id < current]
        latest = max(before, key=lambda each: each.id, default=None)
        return {"statistics": [latest] if latest else [], "anomalies": [], "current": []}
