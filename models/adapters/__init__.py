"""The adapters that ship with tapewatch: one folder each, read by `models.artifacts`."""
