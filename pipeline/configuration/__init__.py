"""What stands behind `pipeline.settings`: the sections, how YAML is read, and how mistakes are explained."""
