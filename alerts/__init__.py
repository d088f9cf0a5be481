"""Room `alerts`: see ARCHITECTURE.md."""
