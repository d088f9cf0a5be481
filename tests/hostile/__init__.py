"""What enemies send, and secrets that must not come out; docs/security.md says which test shows what."""
