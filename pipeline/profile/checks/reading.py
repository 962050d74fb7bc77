"""Names what reading the files adds to the columns and takes from the values."""

from collections.abc import Iterator

from core.text import listing
from pipeline.config.settings import Settings
from pipeline.profile.table_inference import Inferred
from pipeline.profile.table_profile import TableProfile


def blanks_are_named(settings: Settings, table: TableProfile, inferred: Inferred) -> Iterator[str]:
    """Yields a warning where the blanks beside delimiters are taken away."""
    if table.source.dialect.trim:
        yield "The blanks beside the delimiters are taken away: ' x' is read as 'x'."


def columns_of_folders_are_named(settings: Settings, table: TableProfile, inferred: Inferred) -> Iterator[str]:
    """Yields a warning where names of folders have become columns without being asked for."""
    if table.source.hive and settings.data.hive is None:
        found = listing([f"`{name}`" for name in table.source.hive])
        yield f"The names of folders are read as columns: {found}. To leave them out: --set 'data.hive=[]'"


def columns_of_one_name_are_renamed(settings: Settings, table: TableProfile, inferred: Inferred) -> Iterator[str]:
    """Yields a warning where columns have other names in the table, since theirs differ in case only."""
    found = [f"{column.in_files!r} is called `{column.name}`" for column in table.source.columns if column.in_files]
    if found:
        yield (
            "Names of columns differ in upper and lower case only, which SQL takes for the same name: "
            f"{listing(found)}, in the configuration, in requests and in reports."
        )
