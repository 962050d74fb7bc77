"""Logs runs to the servers that a user has for this: see the section `track` of the configuration."""
