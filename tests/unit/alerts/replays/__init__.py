"""Mirrors alerts/replays."""
