"""Room `monitor/web`: see ARCHITECTURE.md."""
