"""Channels and their two streams: switching, credentials, and who may do what.

`StreamManager` owns what is on air; `ChannelCatalog` and `Accounts` are for the command line and
the API. Imports `awazpulse.relay` and `awazpulse.store`, no protocol.
"""

from awazpulse.channels.access import Identity
from awazpulse.channels.accounts import Accounts
from awazpulse.channels.catalog import ChannelCatalog
from awazpulse.channels.credentials import ChannelCredentials, HlsCredentials, IcecastCredentials
from awazpulse.channels.events import ChannelChange, ChannelEvent
from awazpulse.channels.passwords import Passwords
from awazpulse.channels.public_urls import PublicUrls
from awazpulse.channels.records import ActiveStream, ChannelRecord
from awazpulse.channels.secrets import SecretKind, Vault, generate_secret
from awazpulse.channels.stream_manager import StreamManager
from awazpulse.channels.throttle import FailureThrottle
from awazpulse.channels.tokens import AccessToken, InternalAction, Tokens

__all__ = [
    "AccessToken",
    "Accounts",
    "ActiveStream",
    "ChannelCatalog",
    "ChannelChange",
    "ChannelCredentials",
    "ChannelEvent",
    "ChannelRecord",
    "FailureThrottle",
    "HlsCredentials",
    "IcecastCredentials",
    "Identity",
    "InternalAction",
    "Passwords",
    "PublicUrls",
    "SecretKind",
    "StreamManager",
    "Tokens",
    "Vault",
    "generate_secret",
]
