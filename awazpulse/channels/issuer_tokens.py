"""Access tokens of another issuer, such as a single sign-on: JWTs (RFC 7519) by asymmetric keys alone. No I/O.

Its keys are public. So a token that is signed with one of them as if it were a shared secret (HS256), or not
signed at all, is refused by its algorithm, before any key is tried; and each key is good for the algorithms
of its own type only (RFC 8725 §3.1). Our own tokens are HS256 and never come here.

PyJWT and cryptography are loaded with the first key.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from awazpulse.errors import AwazPulseError
from awazpulse.refusals import InvalidToken

from .tokens import MAX_TOKEN_CHARACTERS

LEEWAY_S = 30  # between the issuer's clock and ours
MIN_RSA_BITS = 2048  # RFC 7518 §3.3
MAX_KEYS = 100  # of one issuer; they have two or three
MAX_CLAIM_CHARACTERS = 255

_OF_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_OF_CURVE = {"secp256r1": ("ES256",), "secp384r1": ("ES384",), "secp521r1": ("ES512",)}
ALGORITHMS = frozenset((*_OF_RSA, "ES256", "ES384", "ES512", "EdDSA"))

_NOT_GOOD = "the access token is not one that the issuer has signed; sign in there again"


class UnusableKey(AwazPulseError):
    """A key is none that tokens can be checked with; the text says why."""


@dataclass(frozen=True, slots=True)
class IssuerKey:
    """A public key, and the algorithms that it is good for."""

    key: Any  # of cryptography, which has a class for each type
    algorithms: tuple[str, ...]
    kid: str | None = None


@dataclass(frozen=True, slots=True)
class IssuerRules:
    """What a token must say, and where it says whose it is; an empty issuer or audience: any."""

    issuer: str = ""
    audience: str = ""
    user_claim: str = "sub"
    role_claim: str = "role"
    admin_role: str = "admin"


@dataclass(frozen=True, slots=True)
class IssuerClaims:
    """Whose token it is: an id or an e-mail address; `is_admin` is None where it does not say a role."""

    user: str
    is_admin: bool | None
    issued_at: int


class KeySource(Protocol):
    """Knows the issuer's keys."""

    async def find(self, kid: str | None) -> Sequence[IssuerKey]:
        """Return the keys of this name, all of them for None. Raises `ServiceUnavailable`."""


class FixedKey:
    """The one key that the operator has set."""

    def __init__(self, key: IssuerKey) -> None:
        self._key = key

    async def find(self, kid: str | None) -> Sequence[IssuerKey]:  # noqa: ARG002  # there is no other
        """Return it, whatever the token calls it."""
        return (self._key,)


class IssuerTokens:
    """Verifies the tokens of one issuer."""

    def __init__(self, rules: IssuerRules, keys: KeySource) -> None:
        self._rules = rules
        self._keys = keys

    def is_for_issuer(self, text: str) -> bool:
        """Whether a token says that it is signed by an asymmetric key, which ours never are."""
        return _read_header(text) is not None

    async def verify(self, text: str) -> IssuerClaims:
        """Return whose token this is. Raises `InvalidToken`, `ServiceUnavailable`."""
        header = _read_header(text)
        if header is None:
            raise InvalidToken(_NOT_GOOD)
        algorithm, kid = header
        keys = [key for key in await self._keys.find(kid) if algorithm in key.algorithms]
        reason = f"the issuer has no key {kid!r} for {algorithm}" if kid else _NOT_GOOD
        for key in keys:
            try:
                return self._read(self._open(text, key, algorithm))
            except InvalidToken as refusal:
                reason = str(refusal)
        raise InvalidToken(reason[:300])

    def _open(self, text: str, key: IssuerKey, algorithm: str) -> dict[str, Any]:
        import jwt  # noqa: PLC0415  # see above

        rules = self._rules
        options: Any = {
            "require": ["exp"],
            "verify_aud": bool(rules.audience),
            "verify_iss": bool(rules.issuer),
            "verify_sub": False,  # the user's claim is checked below, whichever it is
        }
        try:
            claims: dict[str, Any] = jwt.decode(
                text,
                key.key,
                algorithms=[algorithm],
                audience=rules.audience or None,
                issuer=rules.issuer or None,
                leeway=LEEWAY_S,
                options=options,
            )
        except jwt.ExpiredSignatureError:
            raise InvalidToken("the access token has expired; sign in again") from None
        except jwt.MissingRequiredClaimError as error:
            raise InvalidToken(f"the access token has no claim {error.claim!r}") from None
        except jwt.InvalidAudienceError:
            raise InvalidToken("the access token is for another audience") from None
        except jwt.InvalidIssuerError:
            raise InvalidToken("the access token is of another issuer") from None
        except (jwt.ImmatureSignatureError, jwt.InvalidIssuedAtError):
            raise InvalidToken("the access token is not good yet; check the clocks") from None
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
            raise InvalidToken(_NOT_GOOD) from None
        return claims

    def _read(self, claims: Mapping[str, Any]) -> IssuerClaims:
        rules = self._rules
        user = claims.get(rules.user_claim)
        if not isinstance(user, str) or not 0 < len(user) <= MAX_CLAIM_CHARACTERS:
            raise InvalidToken(f"the access token's claim {rules.user_claim!r} names no user")
        if "@" in user and claims.get("email_verified") is False:
            raise InvalidToken("the issuer has not verified the e-mail address of the access token")
        role = claims.get(rules.role_claim)
        roles = role if isinstance(role, list) else [role]
        is_admin = None if role is None else rules.admin_role in roles
        issued_at = claims.get("iat", 0)
        return IssuerClaims(user, is_admin, int(issued_at))


def parse_public_key(pem: str) -> IssuerKey:
    """Return the key of a PEM text (RFC 7468 §13). Raises `UnusableKey`."""
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415  # see above
    from cryptography.hazmat.primitives.serialization import load_pem_public_key  # noqa: PLC0415

    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise UnusableKey("this is no PEM of a public key ('BEGIN PUBLIC KEY')") from None
    return IssuerKey(key, _find_algorithms(key))


def parse_jwks(document: object) -> tuple[IssuerKey, ...]:
    """Return the keys of a key set (RFC 7517 §5); those for other purposes are left out.

    Raises `UnusableKey` for what is no key set.
    """
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list):
        raise UnusableKey("got no JSON object with a list 'keys'")
    found = (_parse_jwk(jwk) for jwk in keys[:MAX_KEYS] if isinstance(jwk, dict))
    return tuple(key for key in found if key is not None)


def _parse_jwk(jwk: Mapping[str, Any]) -> IssuerKey | None:
    """Return a key of a set, None for one that is secret, for encryption, or of a type we do not know."""
    import jwt  # noqa: PLC0415  # see above

    if jwk.get("kty") not in ("RSA", "EC", "OKP") or jwk.get("use", "sig") != "sig" or "d" in jwk:
        return None
    try:
        # Without `alg`, which says less than the key's type and makes PyJWT refuse what it does not know.
        bare = {name: value for name, value in jwk.items() if name != "alg"}
        key = jwt.PyJWK.from_dict(bare).key
        algorithms = _find_algorithms(key)
    except (jwt.PyJWTError, UnusableKey, ValueError, TypeError, KeyError):
        return None
    said = jwk.get("alg")
    kid = jwk.get("kid")
    return IssuerKey(
        key,
        tuple(name for name in algorithms if said in (None, name)),
        kid if isinstance(kid, str) else None,
    )


def _find_algorithms(key: Any) -> tuple[str, ...]:  # noqa: ANN401  # of cryptography
    from cryptography.hazmat.primitives.asymmetric import (  # noqa: PLC0415  # see above
        ec,
        ed448,
        ed25519,
        rsa,
    )

    match key:
        case rsa.RSAPublicKey():
            if key.key_size < MIN_RSA_BITS:
                raise UnusableKey(f"got an RSA key of {key.key_size} bits, expected {MIN_RSA_BITS}")
            return _OF_RSA
        case ec.EllipticCurvePublicKey() if key.curve.name in _OF_CURVE:
            return _OF_CURVE[key.curve.name]
        case ed25519.Ed25519PublicKey() | ed448.Ed448PublicKey():
            return ("EdDSA",)
    raise UnusableKey("expected a key of RSA, P-256, P-384, P-521 or EdDSA")


def _read_header(text: str) -> tuple[str, str | None] | None:
    """Return algorithm and key's name of a token, of which nothing has been verified.

    None for what is no token, and for one by any other algorithm than ours.
    """
    if len(text) > MAX_TOKEN_CHARACTERS or not text.isascii():
        return None
    import jwt  # noqa: PLC0415  # see above

    try:
        header = jwt.get_unverified_header(text)
    except (jwt.PyJWTError, ValueError, RecursionError):
        return None
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        return None
    return (algorithm, kid) if isinstance(kid, str | None) else None
