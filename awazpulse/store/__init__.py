"""The database: SQLAlchemy models, sessions and Alembic migrations."""

from .database import Database, Sessions, open_database
from .errors import (
    DatabaseUnavailable,
    InvalidDatabaseUrl,
    SchemaTooNew,
    WriteConflict,
)
from .migrate import migrate
from .models import (
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
