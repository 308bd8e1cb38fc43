"""Stream keys and source passwords: made, encrypted at rest, compared. No I/O.

AES-256-GCM (NIST SP 800-38D) with a random nonce; the channel and the purpose are bound in as
associated data, so that what is stored for one channel is of no use in another one's row.
Stored form: `v1.` and URL-safe base64 of nonce and ciphertext.
"""

import base64
import binascii
import hmac
import os
import secrets
from enum import StrEnum

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from awazpulse.refusals import UnreadableSecrets

from .keys import derive_key

# Neither 0/O nor 1/l/I: people type these off a screen. 56 letters, 5.8 bits each.
ALPHABET = "23456789abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"
SECRET_CHARACTERS = 24  # 139 bits
MAX_OFFERED_CHARACTERS = 1024  # bounds what comparing a hostile offer can cost

_PREFIX = "v1."
_NONCE_BYTES = 12


class SecretKind(StrEnum):
    """What a secret opens; the values are part of what is encrypted."""

    STREAM_KEY = "stream key"
    SOURCE_PASSWORD = "source password"  # noqa: S105  # the name of one, not one
    WEBHOOK = "webhook"


def generate_secret() -> str:
    """Return a new random stream key or source password."""
    return "".join(secrets.choice(ALPHABET) for _ in range(SECRET_CHARACTERS))


def is_same_secret(offered: str, expected: str) -> bool:
    """Compare in a time that does not depend on where the two differ."""
    if len(offered) > MAX_OFFERED_CHARACTERS:
        return False
    encoded = offered.encode("utf-8", "surrogatepass")
    return hmac.compare_digest(encoded, expected.encode())


class Vault:
    """Encrypts and decrypts the secrets of channels."""

    def __init__(self, secret_key: str) -> None:
        self._cipher = AESGCM(derive_key(secret_key, "channel secrets v1"))

    def encrypt(self, channel_id: str, kind: SecretKind, secret: str) -> str:
        """Return the form to store; the same secret gives another one each time."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, secret.encode(), _bind(channel_id, kind))
        return _PREFIX + base64.urlsafe_b64encode(nonce + sealed).decode()

    def decrypt(self, channel_id: str, kind: SecretKind, stored: str) -> str:
        """Return the secret. Raises `UnreadableSecrets` (another key, another row, damage)."""
        try:
            if not stored.startswith(_PREFIX):
                raise UnreadableSecrets(channel_id)
            raw = base64.urlsafe_b64decode(stored.removeprefix(_PREFIX))
            nonce, sealed = raw[:_NONCE_BYTES], raw[_NONCE_BYTES:]
            return self._cipher.decrypt(nonce, sealed, _bind(channel_id, kind)).decode()
        except (InvalidTag, binascii.Error, ValueError):
            # The cause is left out: its traceback would carry the ciphertext along.
            raise UnreadableSecrets(channel_id) from None


def _bind(channel_id: str, kind: SecretKind) -> bytes:
    return f"{kind.value}\0{channel_id}".encode()
