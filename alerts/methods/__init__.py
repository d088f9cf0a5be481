"""The methods by which counts are judged, by their names in the configuration."""

from alerts.methods.build import build_method

__all__ = ["build_method"]
