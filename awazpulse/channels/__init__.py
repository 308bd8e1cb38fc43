"""Channels and their two streams: switching, credentials, and who may do what."""
