"""Give users limits, an end and refresh tokens; channels, an archive.

Revision: 0004. Follows: 0003.

What is there already is passed over: MySQL commits each statement, so a crash on the way leaves some
of it behind.
"""

import sqlalchemy as sa
from alembic import op

from awazpulse.store.columns import identifier

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TOKENS = "refresh_tokens"


def _list_columns() -> tuple[tuple[str, sa.Column[object]], ...]:
    return (
        ("users", sa.Column("isActive", sa.Boolean(), nullable=False, server_default=sa.true())),
        (
            "users",
            sa.Column("maxChannels", sa.Integer(), nullable=False, server_default=sa.text("10")),
        ),
        ("users", sa.Column("maxListeners", sa.Integer())),
        ("users", sa.Column("tokensNotBefore", sa.DateTime())),
        ("channels", sa.Column("archivedAt", sa.DateTime())),
    )


def upgrade() -> None:
    """Apply."""
    there = sa.inspect(op.get_bind())
    for table, column in _list_columns():
        if column.name not in {known["name"] for known in there.get_columns(table)}:
            op.add_column(table, column)
    if not there.has_table(_TOKENS):
        op.create_table(
            _TOKENS,
            sa.Column("id", identifier(36), primary_key=True),
            sa.Column("signInId", identifier(36), nullable=False),
            sa.Column(
                "userId",
                identifier(36),
                sa.ForeignKey("users.id", name="fk_refresh_user", ondelete="CASCADE"),
                nullable=False,
            ),
            sa.Column("secretHash", sa.String(64), nullable=False),
            sa.Column("createdAt", sa.DateTime(), nullable=False),
            sa.Column("expiresAt", sa.DateTime(), nullable=False),
            sa.Column("usedAt", sa.DateTime()),
            sa.Index("idx_refresh_sign_in", "signInId"),
            sa.Index("idx_refresh_user", "userId"),
            mysql_engine="InnoDB",
            mysql_charset="utf8mb4",
            mysql_collate="utf8mb4_unicode_ci",
        )


def downgrade() -> None:
    """Take back."""
    op.drop_table(_TOKENS)
    for table, column in _list_columns():
        op.drop_column(table, column.name)
