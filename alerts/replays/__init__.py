"""Rules on history: run again in memory, held against labelled events."""
