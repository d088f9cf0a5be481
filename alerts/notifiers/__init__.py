"""Room `alerts/notifiers`: see ARCHITECTURE.md."""
