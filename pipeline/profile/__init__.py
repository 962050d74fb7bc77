"""One look at a table: the roles of its columns, the label, and early errors."""
