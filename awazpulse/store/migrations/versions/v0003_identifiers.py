"""Compare identifiers by bytes on MySQL, and store e-mail addresses in one form.

Revision: 0003. Follows: 0002.

MySQL's own collations take `jose@` and `josé@` for the same, and would open one's account to the
other. A column that foreign keys name changes only without them. MySQL commits each statement, so a
crash on the way leaves some columns changed; changing them again does no harm.

SQLite compares by bytes as it is (by NOCASE the columns that 0001 made so).
"""

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_COLUMNS = (
    ("users", "id", 36),
    ("users", "email", 255),
    ("channels", "id", 36),
    ("channels", "ownerId", 36),
    ("streams", "id", 36),
    ("streams", "channelId", 36),
)
_FOREIGN_KEYS = (
    ("fk_channels_owner", "channels", "users", "ownerId"),
    ("fk_streams_channel", "streams", "channels", "channelId"),
)


def upgrade() -> None:
    """Apply."""
    if op.get_context().dialect.name in ("mysql", "mariadb"):
        _collate("utf8mb4_bin")
    _normalize_emails()


def downgrade() -> None:
    """Take back; addresses stay as they are, which 0002 reads as well."""
    if op.get_context().dialect.name in ("mysql", "mariadb"):
        _collate("utf8mb4_unicode_ci")


def _collate(collation: str) -> None:
    there = sa.inspect(op.get_bind())
    for name, table, _, _ in _FOREIGN_KEYS:
        if any(key["name"] == name for key in there.get_foreign_keys(table)):
            op.drop_constraint(name, table, type_="foreignkey")
    for table, column, length in _COLUMNS:
        kind = sa.String(length, collation=collation)
        op.alter_column(table, column, type_=kind, existing_nullable=False)
    for name, table, other, column in _FOREIGN_KEYS:
        op.create_foreign_key(name, table, other, [column], ["id"])


def _normalize_emails() -> None:
    """Make each address lower case and NFC, unless somebody else has the result already."""
    users = sa.table("users", sa.column("id"), sa.column("email"))
    bind = op.get_bind()
    addresses = {row.id: row.email for row in bind.execute(sa.select(users))}
    taken = set(addresses.values())
    for user_id, email in addresses.items():
        normal = unicodedata.normalize("NFC", email.strip().lower())
        if normal not in taken:
            bind.execute(users.update().where(users.c.id == user_id).values(email=normal))
            taken.add(normal)
