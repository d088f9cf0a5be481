"""Room `pipelines`: see ARCHITECTURE.md."""
