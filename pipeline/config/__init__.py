"""What stands behind `pipeline.config.settings`: the sections, how YAML is read, and how mistakes are explained."""
