"""Room `pipelines/brokers`: see ARCHITECTURE.md."""
