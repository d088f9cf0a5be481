"""Layouts of messages (jinja2); what they show is made in `alerts/messages/content.py`."""
