"""Mirrors alerts/messages."""
