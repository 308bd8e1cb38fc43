import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from awazpulse import jwks
from awazpulse.jwks import MAX_AGE_S, MAX_DOCUMENT_BYTES, RETRY_S, JwksKeys, fetch_document
from awazpulse.refusals import ServiceUnavailable
from tests.awazpulse.channels.test_issuer_tokens import ED, RSA, jwk_of

URL = "https://sso.example/jwks.json"


class Issuer:
    """An issuer whose keys and whose presence a test sets, and the clock."""

    def __init__(self) -> None:
        self.kids = ["a"]
        self.is_away = False
        self.asked = 0
        self.now = 1000.0
        self.keys = JwksKeys(URL, clock=lambda: self.now, fetch=self.fetch)

    async def fetch(self, url: str) -> bytes:
        assert url == URL
        self.asked += 1
        await asyncio.sleep(0)
        if self.is_away:
            raise OSError("away")
        return json.dumps({"keys": [jwk_of(RSA, kid=kid) for kid in self.kids]}).encode()

    async def knows(self, kid: str | None) -> bool:
        return bool(await self.keys.find(kid))


async def test_keys_are_fetched_once_and_kept() -> None:
    issuer = Issuer()
    assert await asyncio.gather(*(issuer.knows("a") for _ in range(10))) == [True] * 10
    assert issuer.asked == 1
    assert await issuer.knows(None)
    assert issuer.asked == 1


async def test_unknown_key_makes_the_set_be_fetched_but_not_again_and_again() -> None:
    issuer = Issuer()
    assert await issuer.knows("a")
    issuer.kids = ["b"]
    assert not await issuer.knows("b")  # too soon
    assert issuer.asked == 1
    issuer.now += RETRY_S
    assert await asyncio.gather(*(issuer.knows("b") for _ in range(10))) == [True] * 10
    assert not await issuer.knows("a")
    assert issuer.asked == 2
    for name in map(str, range(100)):
        assert not await issuer.knows(name)
    assert issuer.asked == 2


async def test_known_keys_stay_good_while_the_issuer_is_away() -> None:
    issuer = Issuer()
    assert await issuer.knows("a")
    issuer.is_away = True
    issuer.now += MAX_AGE_S
    assert await issuer.knows("a")
    assert await issuer.knows("a")
    assert issuer.asked == 2
    issuer.is_away, issuer.kids = False, ["b"]
    issuer.now += RETRY_S
    assert not await issuer.knows("a")  # withdrawn


async def test_issuer_that_has_never_answered_is_a_passing_trouble_of_ours() -> None:
    issuer = Issuer()
    issuer.is_away = True
    for _ in range(3):
        with pytest.raises(ServiceUnavailable):
            await issuer.knows("a")
    assert issuer.asked == 1
    issuer.is_away = False
    issuer.now += RETRY_S
    assert await issuer.knows("a")


async def test_issuer_that_does_not_answer_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(_url: str) -> bytes:
        await asyncio.sleep(60)
        return b""

    monkeypatch.setattr(jwks, "TIMEOUT_S", 0.05)
    with pytest.raises(ServiceUnavailable):
        await JwksKeys(URL, fetch=hang).find("a")


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b"[" * 100_000, b'{"keys": 5}'])
async def test_answer_that_is_no_key_set_changes_nothing(body: bytes) -> None:
    async def fetch(_url: str) -> bytes:
        return body

    with pytest.raises(ServiceUnavailable):
        await JwksKeys(URL, fetch=fetch).find("a")


async def fetch_from(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> bytes:
    app = web.Application()
    app.router.add_get("/jwks", handler)
    async with TestServer(app) as server:
        return await fetch_document(str(server.make_url("/jwks")))


@pytest.mark.parametrize("size", [0, MAX_DOCUMENT_BYTES])
async def test_document_is_read_up_to_its_limit(size: int) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=bytes(size))

    assert len(await fetch_from(answer)) == size


async def test_document_that_is_too_large_or_elsewhere_is_refused() -> None:
    async def too_much(_request: web.Request) -> web.Response:
        return web.Response(body=bytes(MAX_DOCUMENT_BYTES + 1))

    async def elsewhere(_request: web.Request) -> web.Response:
        raise web.HTTPFound("http://169.254.169.254/")

    with pytest.raises(ValueError, match="got more than"):
        await fetch_from(too_much)
    with pytest.raises(ValueError, match="got status 302"):
        await fetch_from(elsewhere)


async def test_the_whole_way_from_a_real_server() -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.json_response({"keys": [jwk_of(ED, kid="ed")]})

    app = web.Application()
    app.router.add_get("/jwks", answer)
    async with TestServer(app) as server:
        (key,) = await JwksKeys(str(server.make_url("/jwks"))).find("ed")
    assert key.algorithms == ("EdDSA",)
