"""Ways in that are no Icecast source: RTMP on port 1935."""
