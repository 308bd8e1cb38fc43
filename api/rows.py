"""A row of `streams` as the API shows it: by its column names, times in ISO 8601 (UTC). No I/O."""

from typing import Any

from pydantic import Field

from awazpulse.kinds import Quality, StreamStatus, StreamType
from awazpulse.store import Stream

from .models import Answer, UtcTime


class StreamRow(Answer):
    """One delivery of a channel, with its status."""

    id: str
    name: str
    description: str | None
    stream_url: str
    backup_stream_url: str | None
    stream_type: StreamType | None
    icecast_mount_point: str | None
    status: StreamStatus | None
    quality: Quality | None
    bitrate: int | None = Field(description="kbit/s")
    format: str | None
    current_listeners: int | None
    max_listeners: int | None
    is_active: bool | None
    is_main_stream: bool | None
    last_online_at: UtcTime | None
    total_uptime: int | None = Field(description="seconds")
    current_show_id: str | None
    current_track: str | None
    current_artist: str | None
    extra: dict[str, Any] | None = Field(serialization_alias="metadata")
    channel_id: str
    created_at: UtcTime
    updated_at: UtcTime


def describe_stream(stream: Stream) -> StreamRow:
    """Return a row."""
    return StreamRow.model_validate(stream)
