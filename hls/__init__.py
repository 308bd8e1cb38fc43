"""Port 8088: cuts broadcasts into segments, and serves playlists and segments from ready bytes.

Import the modules: this file loads none, so that `hls.segmenter` alone loads no asyncio.
"""
