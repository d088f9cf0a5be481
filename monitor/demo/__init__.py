"""The demonstration: real servers from packages, invented news, and the monitor over both."""
