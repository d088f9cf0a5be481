"""Fuzzing: what a stranger may send, made up by a machine that watches which code it reaches. `make fuzz` runs it."""
