"""RTMP: a sans-IO protocol, and its asyncio shell in `connection.py`."""
