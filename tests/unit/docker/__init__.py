"""Unit tests of what docker/ holds."""
