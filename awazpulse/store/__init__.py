"""The database: SQLAlchemy models, sessions and Alembic migrations."""

from .database import Database, Sessions, Share, open_database
from .errors import (
    DatabaseUnavailable,
    InvalidDatabaseUrl,
    SchemaTooNew,
    WriteConflict,
)
from .migrate import migrate
from .models import (
    Channel,
    LedgerClock,
    ListeningSession,
    Performance,
    RefreshToken,
    Stream,
    User,
    Webhook,
    WebhookDelivery,
    utc_now,
)

__all__ = [
    "Channel",
    "Database",
    "DatabaseUnavailable",
    "InvalidDatabaseUrl",
    "LedgerClock",
    "ListeningSession",
    "Performance",
    "RefreshToken",
    "SchemaTooNew",
    "Sessions",
    "Share",
    "Stream",
    "User",
    "Webhook",
    "WebhookDelivery",
    "WriteConflict",
    "migrate",
    "open_database",
    "utc_now",
]
