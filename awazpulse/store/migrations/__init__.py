"""Alembic's environment and the revisions; `awazpulse.store.migrate` runs them."""
