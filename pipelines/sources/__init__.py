"""Room `pipelines/sources`: see ARCHITECTURE.md."""
