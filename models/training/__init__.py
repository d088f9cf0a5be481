"""Room `models/training`: see ARCHITECTURE.md."""
