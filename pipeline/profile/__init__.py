"""What stands behind `pipeline.data_profile`: the table, the roles of its columns, the label, and early errors."""
