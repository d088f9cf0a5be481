"""Alembic's migrations; `monitor.store.upgrade` runs them."""
