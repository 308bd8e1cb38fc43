"""The database: SQLAlchemy models, sessions and Alembic migrations."""

from awazpulse.store.database import Database, Sessions, open_database
from awazpulse.store.errors import (
    DatabaseUnavailable,
    InvalidDatabaseUrl,
    SchemaTooNew,
    WriteConflict,
)
from awazpulse.store.migrate import migrate
from awazpulse.store.models import (
    Channel,
    Quality,
    Role,
    Stream,
    StreamStatus,
    StreamType,
    User,
    utc_now,
)

__all__ = [
    "Channel",
    "Database",
    "DatabaseUnavailable",
    "InvalidDatabaseUrl",
    "Quality",
    "Role",
    "SchemaTooNew",
    "Sessions",
    "Stream",
    "StreamStatus",
    "StreamType",
    "User",
    "WriteConflict",
    "migrate",
    "open_database",
    "utc_now",
]
