"""Room `monitor`: see ARCHITECTURE.md."""
