"""The composition root: the only package where concrete classes meet, and the only one that holds a clock."""

STAGES = ("ingest", "classify", "aggregate", "alert", "web")
