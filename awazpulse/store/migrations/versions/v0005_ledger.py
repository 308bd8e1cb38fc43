"""Keep who listened and what played.

Revision: 0005. Follows: 0004.

What is there already is passed over: MySQL commits each statement, so a crash on the way leaves some
of it behind.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from awazpulse.store.columns import identifier

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_unicode_ci",
}


def _list_common_columns() -> tuple[sa.Column[object], ...]:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return (
        sa.Column("id", number, primary_key=True, autoincrement=False),
        sa.Column("channelId", identifier(36, nocase=True), nullable=False),
        sa.Column("streamType", sa.String(10), nullable=False),
        sa.Column("startedMs", sa.BigInteger(), nullable=False),
        sa.Column("endedMs", sa.BigInteger()),
    )


def _text(name: str, length: int) -> sa.Column[object]:
    return sa.Column(name, sa.String(length), nullable=False)


def upgrade() -> None:
    """Apply."""
    there = sa.inspect(op.get_bind())
    if not there.has_table("listening_sessions"):
        op.create_table(
            "listening_sessions",
            *_list_common_columns(),
            sa.Column("bytes", sa.BigInteger()),
            sa.Column("firstByte", sa.BigInteger(), nullable=False),
            _text("userAgent", 255),
            _text("address", 45),
            sa.Column("country", sa.String(2)),
            sa.Index("idx_session_start", "channelId", "startedMs"),
            sa.Index("idx_session_end", "channelId", "endedMs"),
            **_OPTIONS,
        )
    if not there.has_table("performances"):
        op.create_table(
            "performances",
            *_list_common_columns(),
            _text("title", 255),
            _text("artist", 255),
            _text("track", 255),
            sa.Index("idx_performance_start", "channelId", "startedMs"),
            sa.Index("idx_performance_end", "channelId", "endedMs"),
            **_OPTIONS,
        )
    if not there.has_table("ledger_clock"):
        op.create_table(
            "ledger_clock",
            sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
            sa.Column("aliveMs", sa.BigInteger(), nullable=False),
            **_OPTIONS,
        )


def downgrade() -> None:
    """Take back."""
    for table in ("listening_sessions", "performances", "ledger_clock"):
        op.drop_table(table)
