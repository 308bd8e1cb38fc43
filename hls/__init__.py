"""Port 8088: cuts broadcasts into segments, and serves playlists and segments from ready bytes."""
