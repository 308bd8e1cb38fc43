"""Channels and their two streams: switching, credentials, and who may do what.

`StreamManager` owns what is on air; `ChannelCatalog` and `Accounts` are for the command line and
the API. Imports `awazpulse.relay` and `awazpulse.store`, no protocol.
"""

from .access import Identity
from .accounts import Accounts
from .catalog import ChannelCatalog
from .credentials import ChannelCredentials, HlsCredentials, IcecastCredentials
from .events import ChannelChange, ChannelEvent
from .passwords import Passwords
from .public_urls import PublicUrls
from .records import ActiveStream, ChannelRecord
from .secrets import SecretKind, Vault, generate_secret
from .stream_manager import StreamManager
from .throttle import FailureThrottle
from .tokens import AccessToken, InternalAction, Tokens

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
