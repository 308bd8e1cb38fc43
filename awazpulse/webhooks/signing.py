"""The signature of a webhook's request. No I/O.

`AwazPulse-Signature: t=1800000000,v1=HEX`, where HEX is the HMAC-SHA256 (RFC 2104) of the time, a full stop
and the body, by the webhook's secret. A receiver that also checks the time takes no request again later.
"""

import hashlib
import hmac

SIGNATURE_HEADER = "AwazPulse-Signature"


def sign(secret: str, unix_s: int, body: bytes) -> str:
    """Return the header's value."""
    signed = f"{unix_s}.".encode() + body
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return f"t={unix_s},v1={digest}"
