"""What may go wrong with the database, apart from our own mistakes in SQL."""

from awazpulse.errors import AwazPulseError


class DatabaseUnavailable(AwazPulseError):
    """The database did not answer, in time or at all; nothing is known to be written."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    def __str__(self) -> str:
        return f"the database is not available: {self.detail}"


class SchemaTooNew(DatabaseUnavailable):
    """A newer program has migrated the database; this one does not know what it would find."""

    def __init__(self, revision: str, newest: str) -> None:
        super().__init__(
            f"its schema is newer than this program: got revision {revision},"
            f" expected {newest} at most; run the newer AwazPulse, or restore a backup"
        )
        self.revision = revision
        self.newest = newest


class WriteConflict(DatabaseUnavailable):
    """Another transaction was in the way (a deadlock, a lock held too long); try it again."""


class InvalidDatabaseUrl(AwazPulseError):
    """The database URL is none that this server can use. The operator's fault."""
