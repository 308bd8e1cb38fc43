"""The rules of a source's login, in their order, and of staying on air. Pure decisions, no waiting.

The secret comes before everything that only the owner may learn: whether the channel is disabled,
which type is selected, and whether somebody is on air.
"""

import hmac
import os

from awazpulse.kinds import StreamType
from awazpulse.refusals import (
    ChannelDisabled,
    ChannelInMaintenance,
    TypeNotSelected,
    WrongSecret,
)
from awazpulse.relay import Broadcast, End, EndReason
from awazpulse.store import Channel

from .records import ChannelPolicy, ChannelRecord, PolicyRecord
from .secrets import SecretKind, Vault, is_same_secret

_FINGERPRINT_KEY = os.urandom(32)  # fingerprints are compared within this process only


def get_secret_kind(stream_type: StreamType) -> SecretKind:
    """Return which of the channel's secrets opens it for this type."""
    if stream_type is StreamType.HLS:
        return SecretKind.STREAM_KEY
    return SecretKind.SOURCE_PASSWORD


def get_stored_secret(channel: Channel | ChannelPolicy, kind: SecretKind) -> str:
    """Return a secret as it is stored: encrypted, and another text each time that it is made anew."""
    if kind is SecretKind.STREAM_KEY:
        return channel.encrypted_stream_key
    return channel.encrypted_source_password


def decrypt_secret(channel: Channel, kind: SecretKind, vault: Vault) -> str:
    """Return the channel's secret. Raises `UnreadableSecrets`."""
    return vault.decrypt(channel.id, kind, get_stored_secret(channel, kind))


def require_secret(channel: Channel, kind: SecretKind, offered: str, vault: Vault) -> None:
    """Raise `WrongSecret` unless the offered secret is the channel's."""
    if not is_same_secret(offered, decrypt_secret(channel, kind, vault)):
        raise WrongSecret(channel.id, kind.value)


def require_selected(record: ChannelRecord, stream_type: StreamType) -> None:
    """Raise `TypeNotSelected` unless the channel is set to this type."""
    if record.selected_type is not stream_type:
        raise TypeNotSelected(record.channel.id, stream_type, record.selected_type)


def find_reason_to_end(record: PolicyRecord | None, broadcast: Broadcast) -> End | None:
    """Return why what is on air may be so no longer, None when it may."""
    if record is None or record.main is None:
        return End(EndReason.REMOVED)
    try:
        record.require_enabled()
    except ChannelInMaintenance:
        return End(EndReason.MAINTENANCE)
    except ChannelDisabled:
        return End(EndReason.DISABLED)
    if record.selected_type != broadcast.stream_type and not record.channel.simulcast:
        return End(EndReason.SWITCHED, why=f"the channel is set to {record.selected_type.label}")
    return None


def fingerprint(secret: str) -> bytes:
    """Return what stands for a secret in memory, so that the secret itself need not."""
    return hmac.digest(_FINGERPRINT_KEY, secret.encode("utf-8", "surrogatepass"), "sha256")
