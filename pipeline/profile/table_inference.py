"""Infers the label and the roles of the columns of a profiled table."""

import dataclasses
from collections.abc import Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from core.precision import needs_float64
from pipeline.config.settings import Settings
from pipeline.profile import value_order
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
    roles = infer_roles(settings, table.columns, _orders(settings, table, label))
    # tf.Transform gives float32 to a user's preprocessing_fn.
    for name in _float64_columns(table.sample) if settings.preprocessing_fn is None else ():
        options = settings.features.get(name)
        if name == settings.label:
            label = dataclasses.replace(label, payload="double")
        elif name in roles and roles[name].payload == "float" and (options is None or options.type is None):
            roles[name] = dataclasses.replace(roles[name], payload="double")
    return Inferred(label, roles)


def _float64_columns(sample: pa.Table | None) -> Iterator[str]:
    """Yields the numeric columns of some rows that float32 would round too much."""
    if sample is None:
        return
    for field in sample.schema:
        if pa.types.is_integer(field.type) or pa.types.is_floating(field.type) or pa.types.is_decimal(field.type):
            low, high = pc.quantile(sample[field.name].cast(pa.float64(), safe=False), q=[0.1, 0.9]).to_pylist()
            if low is not None and needs_float64(low, high):
                yield field.name


def _orders(settings: Settings, table: TableProfile, label: InferredLabel) -> dict[str, value_order.Order]:
    """Returns whether the label follows the order of the columns of whole numbers, where the table has a sample."""
    if table.sample is None or label.task is None:
        return {}
    types = {name: table.columns[name].type_class for name in table.sample.column_names}
    expected = (
        ("integer", "float", "boolean") if label.task == "regression" else ("integer", "float", "boolean", "text")
    )
    if types.pop(settings.label) not in expected:  # a check reports it
        return {}
    integers = [name for name, type_class in types.items() if type_class == "integer"]
    return value_order.orders(table.sample, settings.label, label.task, integers)
