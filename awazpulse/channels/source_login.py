"""A source's login: its secret compared, and the answer to a wrong one delayed."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from awazpulse.kinds import StreamType
from awazpulse.refusals import ServiceUnavailable, UnreadableSecrets, WrongSecret
from awazpulse.store import Channel

from .login_rules import get_secret_kind, require_secret
from .secrets import Vault
from .throttle import FailureThrottle

logger = logging.getLogger(__name__)

_UNKNOWN_CHANNEL = "?"  # no channel's id


class SourceLogin:
    """Checks secrets. Hold no lock while calling `check`: it may sleep."""

    def __init__(
        self,
        vault: Vault,
        throttle: FailureThrottle,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._vault = vault
        self._throttle = throttle
        self._clock = clock
        self._sleep = sleep

    async def check(
        self, channel: Channel, stream_type: StreamType, offered: str, address: str
    ) -> None:
        """Raise `WrongSecret`, later and later to one who guesses, or `ServiceUnavailable`."""
        try:
            self.check_at_once(channel, stream_type, offered)
        except WrongSecret:
            await self.delay_failure(channel.id, address)
            raise

    def check_at_once(self, channel: Channel, stream_type: StreamType, offered: str) -> None:
        """Do the same without counting and delaying."""
        try:
            require_secret(channel, get_secret_kind(stream_type), offered, self._vault)
        except UnreadableSecrets as error:
            # The operator's fault and for the operator's eyes: who is outside learns nothing of it.
            logger.error("%s", error)  # noqa: TRY400  # there is nothing to see in the traceback
            raise ServiceUnavailable from None

    async def delay_unknown_channel(self, address: str) -> None:
        """Do the same for a channel that does not exist.

        All of them count as one, or who looks for channels by asking for many ids never waits.
        """
        await self.delay_failure(_UNKNOWN_CHANNEL, address)

    async def delay_failure(self, channel_id: str, address: str) -> None:
        """Count a wrong secret and wait as long as its answer must."""
        delay_s = self._throttle.count_failure(address, channel_id, self._clock())
        if delay_s:
            await self._sleep(delay_s)
