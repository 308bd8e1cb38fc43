"""Let channels show their listeners to everybody, and tell other servers what happens.

Revision: 0006. Follows: 0005.

What is there already is passed over: MySQL commits each statement, so a crash on the way leaves some
of it behind.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from awazpulse.store.columns import identifier

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_unicode_ci",
}


def upgrade() -> None:
    """Apply."""
    there = sa.inspect(op.get_bind())
    if "showListeners" not in {known["name"] for known in there.get_columns("channels")}:
        shows: sa.Column[bool] = sa.Column(
            "showListeners", sa.Boolean(), nullable=False, server_default=sa.false()
        )
        op.add_column("channels", shows)
    if not there.has_table("webhooks"):
        op.create_table(
            "webhooks",
            sa.Column("id", identifier(36), primary_key=True),
            sa.Column(
                "channelId",
                identifier(36, nocase=True),
                sa.ForeignKey("channels.id", name="fk_webhooks_channel", ondelete="CASCADE"),
                nullable=False,
            ),
            sa.Column("url", sa.String(2000), nullable=False),
            sa.Column("encryptedSecret", sa.String(255), nullable=False),
            sa.Column("events", sa.String(500), nullable=False),
            sa.Column("isActive", sa.Boolean(), nullable=False, server_default=sa.true()),
            sa.Column("createdAt", sa.DateTime(), nullable=False),
            sa.Index("idx_webhook_channel", "channelId"),
            **_OPTIONS,
        )
    if not there.has_table("webhook_deliveries"):
        op.create_table(
            "webhook_deliveries",
            sa.Column("id", identifier(36), primary_key=True),
            sa.Column(
                "webhookId",
                identifier(36),
                sa.ForeignKey("webhooks.id", name="fk_deliveries_webhook", ondelete="CASCADE"),
                nullable=False,
            ),
            sa.Column("event", sa.String(30), nullable=False),
            sa.Column("body", sa.Text(), nullable=False),
            sa.Column("createdMs", sa.BigInteger(), nullable=False),
            sa.Column("dueMs", sa.BigInteger()),
            sa.Column("attempts", sa.Integer(), nullable=False),
            sa.Column("deliveredMs", sa.BigInteger()),
            sa.Column("lastAnswer", sa.String(255)),
            sa.Index("idx_delivery_due", "dueMs"),
            sa.Index("idx_delivery_webhook", "webhookId", "createdMs"),
            **_OPTIONS,
        )


def downgrade() -> None:
    """Take back."""
    op.drop_table("webhook_deliveries")
    op.drop_table("webhooks")
    op.drop_column("channels", "showListeners")
