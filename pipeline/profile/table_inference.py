"""Infers the label and the roles of the columns of a profiled table."""

import dataclasses
from collections.abc import Mapping

from pipeline.config.settings import Settings
from pipeline.profile.label_inference import InferredLabel, infer_label
from pipeline.profile.role_inference import InferredRole, infer_roles
from pipeline.profile.table_profile import TableProfile


@dataclasses.dataclass(frozen=True)
class Inferred:
    """What was inferred from a table: its label, and the role of every column other than label and weight."""

    label: InferredLabel
    roles: Mapping[str, InferredRole]

    @property
    def features(self) -> dict[str, InferredRole]:
        """The roles of the columns that the model sees."""
        return {column: role for column, role in self.roles.items() if role.kind != "ignore"}


def infer(settings: Settings, table: TableProfile) -> Inferred:
    """Returns the label and the roles, by the configuration and else by the table.

    Whether they fit the table is for the checks to say: nothing is raised here.
    """
    label = infer_label(settings, table.columns.get(settings.label), table.counts.get(settings.label, {}))
    return Inferred(label, infer_roles(settings, table.columns))
