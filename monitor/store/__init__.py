"""Room `monitor/store`: see ARCHITECTURE.md."""
