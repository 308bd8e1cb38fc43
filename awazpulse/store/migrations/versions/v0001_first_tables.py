"""Make users, channels and streams.

Revision: 0001. Follows: nothing.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from awazpulse.store.columns import UtcTimestamp, case_insensitive, enum_column_type

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_MYSQL: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_unicode_ci",
}


def upgrade() -> None:
    """Apply."""
    _create_users()
    _create_channels()
    _create_streams()


def downgrade() -> None:
    """Take back."""
    for table in ("streams", "channels", "users"):
        op.drop_table(table)


def _timestamps() -> tuple[sa.Column[datetime], sa.Column[datetime]]:
    created, updated = (
        sa.Column(name, sa.DateTime(), nullable=False, server_default=UtcTimestamp())
        for name in ("createdAt", "updatedAt")
    )
    return created, updated


def _create_users() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("email", case_insensitive(255), nullable=False),
        sa.Column("passwordHash", sa.String(255), nullable=False),
        sa.Column(
            "role",
            enum_column_type("user_role", "station_owner", "admin"),
            nullable=False,
            server_default="station_owner",
        ),
        *_timestamps(),
        sa.UniqueConstraint("email", name="uq_users_email"),
        **_MYSQL,
    )


def _create_channels() -> None:
    op.create_table(
        "channels",
        sa.Column("id", case_insensitive(36), primary_key=True),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("description", sa.Text()),
        sa.Column(
            "ownerId",
            sa.String(36),
            sa.ForeignKey("users.id", name="fk_channels_owner"),
            nullable=False,
        ),
        sa.Column("encryptedStreamKey", sa.String(255), nullable=False),
        sa.Column("encryptedSourcePassword", sa.String(255), nullable=False),
        sa.Column("titleCharset", sa.String(20), nullable=False, server_default="latin-1"),
        sa.Column("isActive", sa.Boolean(), nullable=False, server_default=sa.true()),
        *_timestamps(),
        sa.Index("idx_channel_owner", "ownerId"),
        **_MYSQL,
    )


def _create_streams() -> None:
    op.create_table(
        "streams",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("description", sa.Text()),
        sa.Column("streamUrl", sa.String(255), nullable=False),
        sa.Column("backupStreamUrl", sa.String(255)),
        sa.Column(
            "streamType",
            enum_column_type("stream_type", "hls", "icecast"),
            server_default="hls",
        ),
        sa.Column("icecastMountPoint", sa.String(255)),
        sa.Column(
            "status",
            enum_column_type("stream_status", "live", "offline", "scheduled", "maintenance"),
            server_default="offline",
        ),
        sa.Column(
            "quality",
            enum_column_type("stream_quality", "low", "medium", "high", "hd"),
            server_default="medium",
        ),
        sa.Column("bitrate", sa.Integer(), server_default=sa.text("128")),
        sa.Column("format", sa.String(50), server_default="mp3"),
        sa.Column("currentListeners", sa.Integer(), server_default=sa.text("0")),
        sa.Column("maxListeners", sa.Integer(), server_default=sa.text("1000")),
        sa.Column("isActive", sa.Boolean(), server_default=sa.true()),
        sa.Column("isMainStream", sa.Boolean(), server_default=sa.false()),
        sa.Column("lastOnlineAt", sa.DateTime()),
        sa.Column("totalUptime", sa.Integer(), server_default=sa.text("0")),
        sa.Column("currentShowId", sa.String(36)),
        sa.Column("currentTrack", sa.String(255)),
        sa.Column("currentArtist", sa.String(255)),
        sa.Column("metadata", sa.JSON()),
        sa.Column(
            "channelId",
            case_insensitive(36),
            sa.ForeignKey("channels.id", name="fk_streams_channel"),
            nullable=False,
        ),
        *_timestamps(),
        sa.Index("idx_channel_type", "channelId", "streamType"),
        sa.Index("idx_status", "status"),
        **_MYSQL,
    )
