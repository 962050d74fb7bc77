"""Resolves a configuration from its table: the roles of the columns, the label, the split, and early errors."""

from pipeline.profile.resolution import Resolved, resolve
from pipeline.profile.table_profile import TableProfile, profile_table

__all__ = ["Resolved", "TableProfile", "profile_table", "resolve"]
