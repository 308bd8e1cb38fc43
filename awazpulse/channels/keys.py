"""Keys for one purpose each, all derived from the one secret key of the settings. No I/O.

HKDF-SHA256 (RFC 5869) with the purpose as `info`: whoever learns one derived key learns nothing of
the others.
"""

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

DERIVED_KEY_BYTES = 32
MIN_SECRET_KEY_CHARACTERS = 16  # shorter ones are guessed; generated ones have 43 and more


def derive_key(secret_key: str, purpose: str) -> bytes:
    """Return the 32-byte key for `purpose`.

    Raises `ValueError` for a secret key of less than `MIN_SECRET_KEY_CHARACTERS`.
    """
    if len(secret_key) < MIN_SECRET_KEY_CHARACTERS:
        raise ValueError(
            f"the secret key has {len(secret_key)} characters,"
            f" expected at least {MIN_SECRET_KEY_CHARACTERS}"
        )
    hkdf = HKDF(SHA256(), DERIVED_KEY_BYTES, salt=None, info=f"awazpulse {purpose}".encode())
    return hkdf.derive(secret_key.encode())
