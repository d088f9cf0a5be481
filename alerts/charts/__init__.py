"""Pictures of counts, of what was expected, and of what it would have taken."""
