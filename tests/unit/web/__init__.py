"""Unit tests of the web room."""
