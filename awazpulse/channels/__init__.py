"""Channels and their two streams: switching, credentials, and who may do what.

`stream_manager` owns what is on air; `catalog` and `accounts` are for the command line and the API.
Imports `awazpulse.relay` and `awazpulse.store`, no protocol.
"""
