import base64
import hmac
import json
import time
from collections.abc import Sequence
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from awazpulse.channels.issuer_tokens import (
    ALGORITHMS,
    LEEWAY_S,
    MAX_CLAIM_CHARACTERS,
    MAX_KEYS,
    FixedKey,
    IssuerClaims,
    IssuerKey,
    IssuerRules,
    IssuerTokens,
    UnusableKey,
    parse_jwks,
    parse_public_key,
)
from awazpulse.channels.tokens import MAX_TOKEN_CHARACTERS, Tokens
from awazpulse.refusals import InvalidToken
from awazpulse.store import User

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CURVES = {
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "ES512": ec.generate_private_key(ec.SECP521R1()),
}
ED = ed25519.Ed25519PrivateKey.generate()
RULES = IssuerRules(issuer="https://sso.example", audience="radio")


def private_key(algorithm: str) -> Any:  # noqa: ANN401  # of cryptography
    return CURVES.get(algorithm) or (ED if algorithm == "EdDSA" else RSA)


def pem_of(key: Any) -> str:  # noqa: ANN401
    public = key.public_key()
    pem: bytes = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem.decode()


def jwk_of(key: Any, **more: object) -> dict[str, object]:  # noqa: ANN401
    name = {"RSAPrivateKey": "RS256", "Ed25519PrivateKey": "EdDSA"}.get(
        type(key).__name__.removeprefix("_"), "ES256"
    )
    algorithm = jwt.get_algorithm_by_name(name)
    return {**algorithm.to_jwk(key.public_key(), as_dict=True), **more}


def sign(
    algorithm: str = "RS256",
    headers: dict[str, object] | None = None,
    **claims: Any,  # noqa: ANN401  # JSON
) -> str:
    given = {
        "sub": "user-1",
        "iss": RULES.issuer,
        "aud": RULES.audience,
        "exp": time.time() + 60,
        **claims,
    }
    given = {name: value for name, value in given.items() if value is not None}
    return jwt.encode(given, private_key(algorithm), algorithm, headers)


def make(rules: IssuerRules = RULES, key: Any = RSA) -> IssuerTokens:  # noqa: ANN401
    return IssuerTokens(rules, FixedKey(parse_public_key(pem_of(key))))


async def refusal_of(tokens: IssuerTokens, text: str) -> str:
    with pytest.raises(InvalidToken) as caught:
        await tokens.verify(text)
    return str(caught.value)


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
async def test_every_asymmetric_algorithm_is_taken_with_its_key(algorithm: str) -> None:
    tokens = make(key=private_key(algorithm))
    text = sign(algorithm)
    assert tokens.is_for_issuer(text)
    assert await tokens.verify(text) == IssuerClaims("user-1", None, 0)


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
async def test_another_key_of_any_kind_is_refused(algorithm: str) -> None:
    other_rsa = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    others = [other_rsa, *CURVES.values(), ed25519.Ed25519PrivateKey.generate()]
    for other in others:
        if other is not private_key(algorithm):
            await refusal_of(make(key=other), sign(algorithm))


def forge(header: dict[str, object], key: bytes | None) -> str:
    """Return a token as PyJWT refuses to make one."""

    def encode(data: bytes) -> bytes:
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    claims = {"sub": "user-1", "iss": RULES.issuer, "aud": RULES.audience, "exp": time.time() + 60}
    body = encode(json.dumps(header).encode()) + b"." + encode(json.dumps(claims).encode())
    signature = hmac.digest(key, body, "sha256") if key else b""
    return (body + b"." + encode(signature)).decode()


@pytest.mark.parametrize(
    "algorithm", ["HS256", "hs256", "none", "None", "", "RS1", None, 5, ["RS256"]]
)
async def test_public_key_is_no_shared_secret_and_no_signature_none_at_all(
    algorithm: object,
) -> None:
    tokens = make()
    for key in (pem_of(RSA).encode(), pem_of(RSA).strip().encode(), b"", None):
        text = forge({"alg": algorithm, "typ": "JWT"}, key)
        assert not tokens.is_for_issuer(text)
        await refusal_of(tokens, text)


async def test_signature_of_a_secret_under_an_asymmetric_name_is_refused() -> None:
    await refusal_of(make(), forge({"alg": "RS256"}, pem_of(RSA).encode()))
    await refusal_of(make(), forge({"alg": "RS256", "jwk": jwk_of(ED)}, None))


def test_our_own_tokens_are_not_the_issuers() -> None:
    user = User(id="user-1", email="a@b", password_hash="", role="admin")
    assert not make().is_for_issuer(Tokens("a secret key for tests").issue(user).text)


@pytest.mark.parametrize(
    "text", ["", "a.b.c", "\xe9", "[" * 5000, "." * (MAX_TOKEN_CHARACTERS + 1)]
)
async def test_what_is_no_token_is_refused(text: str) -> None:
    assert not make().is_for_issuer(text)
    await refusal_of(make(), text)


async def test_token_has_a_greatest_length() -> None:
    text = sign()
    longest = sign(x="x" * ((MAX_TOKEN_CHARACTERS - len(text)) * 3 // 4 - 20))
    assert MAX_TOKEN_CHARACTERS - 60 < len(longest) <= MAX_TOKEN_CHARACTERS
    await make().verify(longest)
    await refusal_of(make(), sign(x="x" * MAX_TOKEN_CHARACTERS))


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": None}, "has no claim 'exp'"),
        ({"exp": time.time() - LEEWAY_S - 2}, "has expired"),
        ({"exp": "soon"}, "not one that the issuer has signed"),
        ({"nbf": time.time() + 3600}, "not good yet"),
        ({"aud": "another"}, "for another audience"),
        ({"aud": None}, "has no claim 'aud'"),
        ({"iss": "https://evil.example"}, "of another issuer"),
        ({"iss": None}, "has no claim 'iss'"),
        ({"sub": None}, "'sub' names no user"),
        ({"sub": ""}, "'sub' names no user"),
        ({"sub": 5}, "'sub' names no user"),
        ({"sub": "x" * (MAX_CLAIM_CHARACTERS + 1)}, "'sub' names no user"),
        ({"sub": "a@b", "email_verified": False}, "has not verified"),
    ],
)
async def test_claims_that_are_missing_or_wrong_are_named(
    claims: dict[str, Any], reason: str
) -> None:
    assert reason in await refusal_of(make(), sign(**claims))


async def test_clocks_may_differ_a_little() -> None:
    await make().verify(sign(exp=time.time() - LEEWAY_S + 5))
    await make().verify(sign(nbf=time.time() + LEEWAY_S - 5))


async def test_audience_and_issuer_are_not_asked_for_unless_set() -> None:
    tokens = make(IssuerRules())
    assert (await tokens.verify(sign(aud="any", iss=None))).user == "user-1"
    assert "'exp'" in await refusal_of(tokens, sign(exp=None))


@pytest.mark.parametrize(
    ("role", "is_admin"),
    [
        (None, None),
        ("boss", True),
        ("user", False),
        ("bosses", False),
        ([], False),
        (["user", "boss"], True),
        ({"boss": 1}, False),
    ],
)
async def test_claims_have_the_names_that_are_set(role: object, is_admin: bool | None) -> None:
    rules = IssuerRules(user_claim="email", role_claim="groups", admin_role="boss")
    claims = await make(rules).verify(sign(email="a@b", groups=role, role="admin", iat=7))
    assert claims == IssuerClaims("a@b", is_admin, 7)


async def test_keys_of_a_set_are_tried_by_name_and_type() -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    keys = parse_jwks({"keys": [jwk_of(other, kid="old"), jwk_of(RSA, kid="new"), jwk_of(ED)]})

    class Keys:
        async def find(self, kid: str | None) -> Sequence[IssuerKey]:
            return [key for key in keys if kid in (None, key.kid)]

    tokens = IssuerTokens(RULES, Keys())
    await tokens.verify(sign(headers={"kid": "new"}))
    await tokens.verify(sign("PS512", headers={"kid": "new"}))
    await tokens.verify(sign())
    await tokens.verify(sign("EdDSA"))
    await refusal_of(tokens, sign(headers={"kid": "old"}))
    assert "no key 'x' for RS256" in await refusal_of(tokens, sign(headers={"kid": "x"}))


def test_what_is_no_public_signing_key_is_left_out_of_a_set() -> None:
    secret = {
        "kty": "oct",
        "k": base64.urlsafe_b64encode(pem_of(RSA).encode()).decode(),
        "kid": "s",
    }
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    private = {**jwk_of(RSA), "d": "AQ"}
    left_out = [secret, jwk_of(small), private, jwk_of(RSA, use="enc"), {"kty": "RSA"}, {}, "x"]
    assert parse_jwks({"keys": left_out}) == ()
    (key,) = parse_jwks({"keys": [jwk_of(RSA, alg="RS512", use="sig", kid=5)]})
    assert (key.algorithms, key.kid) == (("RS512",), None)
    (key,) = parse_jwks({"keys": [jwk_of(CURVES["ES256"])]})
    assert key.algorithms == ("ES256",)
    assert parse_jwks({"keys": [jwk_of(RSA, alg="HS256")]})[0].algorithms == ()


def test_a_set_has_a_limit() -> None:
    assert len(parse_jwks({"keys": [jwk_of(ED)] * MAX_KEYS})) == MAX_KEYS
    assert len(parse_jwks({"keys": [jwk_of(ED)] * (MAX_KEYS + 1)})) == MAX_KEYS


@pytest.mark.parametrize("document", [None, [], {}, {"keys": {}}, "keys", {"keys": None}])
def test_what_is_no_set_is_refused(document: object) -> None:
    with pytest.raises(UnusableKey):
        parse_jwks(document)


@pytest.mark.parametrize(
    "pem",
    ["", "x", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
     pem_of(rsa.generate_private_key(public_exponent=65537, key_size=1024)),
     pem_of(ec.generate_private_key(ec.SECP256K1()))],
)  # fmt: skip
def test_unusable_public_key_is_refused(pem: str) -> None:
    with pytest.raises(UnusableKey):
        parse_public_key(pem)
