"""Shows a report: on a terminal, as a page, and in the text format of Prometheus."""
