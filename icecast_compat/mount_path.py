"""A mount's path. No I/O."""

import re

from awazpulse.channels.public_urls import CHANNEL_ID

_MOUNT_PATH = re.compile(rf"/({CHANNEL_ID.pattern})(?:\.(?:mp3|aac))?")


def parse_mount_path(path: str) -> str | None:
    """Return the channel id in a mount's path, or None if the path names no channel.

    `/id.mp3` is the name of every mount whatever its codec; `/id.aac` and `/id` mean the same.
    """
    match = _MOUNT_PATH.fullmatch(path)
    return match[1] if match else None
