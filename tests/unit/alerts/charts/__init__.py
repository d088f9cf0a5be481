"""Mirrors alerts/charts."""
