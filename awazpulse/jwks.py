"""The key set of another issuer, fetched when it is needed and kept.

A token that names an unknown key makes the set be fetched anew, at most once in `RETRY_S`: issuers change their
keys, and anybody can make up names. While the issuer is away the keys that are known stay good.
"""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Sequence

import aiohttp

from awazpulse.channels.issuer_tokens import IssuerKey, UnusableKey, parse_jwks
from awazpulse.refusals import ServiceUnavailable

logger = logging.getLogger(__name__)

RETRY_S = 30.0
# A key that the issuer has withdrawn is good for no longer, if the issuer answers.
MAX_AGE_S = 3600.0
TIMEOUT_S = 5.0
MAX_DOCUMENT_BYTES = 256 * 1024  # a set of three keys has 3 KiB

Fetch = Callable[[str], Awaitable[bytes]]


class JwksKeys:
    """A `KeySource`. `clock` and `fetch` are for tests."""

    def __init__(
        self, url: str, *, clock: Callable[[], float] = time.monotonic, fetch: Fetch | None = None
    ) -> None:
        self._url = url
        self._clock = clock
        self._fetch = fetch or fetch_document
        self._keys: tuple[IssuerKey, ...] = ()
        self._fetched_at: float | None = None
        self._tried_at: float | None = None
        self._turn = asyncio.Lock()  # one request at a time; who comes meanwhile takes its answer

    async def find(self, kid: str | None) -> Sequence[IssuerKey]:
        """Return the keys of this name, all of them for None.

        Raises `ServiceUnavailable` when the issuer has never answered.
        """
        if not self._is_fresh() or not self._select(kid):
            async with self._turn:
                if self._may_try() and (not self._is_fresh() or not self._select(kid)):
                    await self._update()
        if self._fetched_at is None:
            raise ServiceUnavailable("get the keys of the token's issuer")
        return self._select(kid)

    def _select(self, kid: str | None) -> Sequence[IssuerKey]:
        return [key for key in self._keys if kid is None or key.kid == kid]

    def _is_fresh(self) -> bool:
        return self._fetched_at is not None and self._clock() < self._fetched_at + MAX_AGE_S

    def _may_try(self) -> bool:
        return self._tried_at is None or self._clock() >= self._tried_at + RETRY_S

    async def _update(self) -> None:
        self._tried_at = self._clock()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                self._keys = parse_jwks(json.loads(await self._fetch(self._url)))
        except TimeoutError:
            logger.warning("no key set from %s in %g s", self._url, TIMEOUT_S)
        except (aiohttp.ClientError, OSError, UnusableKey, ValueError, RecursionError) as error:
            logger.warning("no key set from %s: %s", self._url, error)
        else:
            self._fetched_at = self._clock()
            logger.info("%d keys from %s", len(self._keys), self._url)


async def fetch_document(url: str) -> bytes:
    """Return what is at a URL, without following it elsewhere.

    Raises `aiohttp.ClientError`, and `ValueError` for too much or another status than 200.
    """
    body = bytearray()
    async with (
        aiohttp.ClientSession() as session,
        session.get(url, allow_redirects=False) as answer,
    ):
        if answer.status != 200:  # HTTP's word for 'here it is'
            raise ValueError(f"got status {answer.status}, expected 200")
        async for chunk in answer.content.iter_any():
            body += chunk
            if len(body) > MAX_DOCUMENT_BYTES:
                raise ValueError(f"got more than {MAX_DOCUMENT_BYTES} bytes")
    return bytes(body)
