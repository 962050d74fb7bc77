"""Reads the largest distances of features from train: those of a schema, then those of the training's configuration."""

from collections.abc import Mapping
from pathlib import Path

from core import storage
from core.config.sections import Limits, Validate
from models.serving import model_versions


def read(version: Path, schema: Path | None) -> Limits:
    """Returns the limits for the requests to a version.

    Args:
        version: the folder of the version.
        schema: a file in protobuf text format; the drift_comparator of a feature, else its skew_comparator, is taken in
            place of the configuration's limit. None for no such file.

    Raises:
        UserError: the schema cannot be read.
    """
    section = storage.read_json(version / model_versions.METADATA_FILE).get("validate")
    configured = Validate.model_validate(section).drift if section else Limits()
    features = {**configured.features, **(_in_schema(schema) if schema else {})}
    return configured.model_copy(update={"features": features})


def _in_schema(file: Path) -> Mapping[str, float]:
    from components.schema_gen import curated_schema

    limits = {}
    for feature in curated_schema.parse(str(file)).feature:
        for comparator in (feature.skew_comparator, feature.drift_comparator):
            for measure in (comparator.infinity_norm, comparator.jensen_shannon_divergence):
                if measure.threshold:
                    limits[feature.name] = measure.threshold
    return limits
