"""Where the migrations lie, and the newest of them. Loads no Alembic."""

from pathlib import Path

SCRIPTS = Path(__file__).parent / "migrations"


def newest_revision() -> str:
    """Return the newest revision. The file of each migration is named by it: `v0001_WHAT.py`."""
    return max(file.name[1:5] for file in (SCRIPTS / "versions").glob("v[0-9]*.py"))
