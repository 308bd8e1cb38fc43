import pytest

from awazpulse.channels.secrets import Vault
from awazpulse.channels.source_login import SourceLogin
from awazpulse.channels.throttle import FREE_FAILURES, FailureThrottle
from awazpulse.kinds import StreamType
from awazpulse.refusals import ServiceUnavailable, WrongSecret
from awazpulse.store import Channel
from tests.awazpulse.channels.support import SECRET_KEY, Radio

ADDRESS = "192.0.2.7"


def make_login(radio: Radio, secret_key: str = SECRET_KEY) -> SourceLogin:
    clock = radio.clock
    return SourceLogin(Vault(secret_key), FailureThrottle(), clock=clock, sleep=clock.sleep)


async def channel_of(radio: Radio) -> Channel:
    return (await radio.catalog.get("demo")).channel


async def test_each_type_has_a_secret_of_its_own(sqlite_radio: Radio) -> None:
    login, channel = make_login(sqlite_radio), await channel_of(sqlite_radio)
    await login.check(channel, StreamType.HLS, sqlite_radio.stream_key, ADDRESS)
    await login.check(channel, StreamType.ICECAST, sqlite_radio.source_password, ADDRESS)
    for stream_type, other in (
        (StreamType.HLS, sqlite_radio.source_password),
        (StreamType.ICECAST, sqlite_radio.stream_key),
    ):
        with pytest.raises(WrongSecret):
            await login.check(channel, stream_type, other, ADDRESS)


async def test_wrong_secrets_wait_and_the_right_one_never_does(sqlite_radio: Radio) -> None:
    login, channel = make_login(sqlite_radio), await channel_of(sqlite_radio)
    for _ in range(FREE_FAILURES + 2):
        with pytest.raises(WrongSecret):
            await login.check(channel, StreamType.HLS, "a guess", ADDRESS)
    waited = list(sqlite_radio.clock.slept)
    assert len(waited) == 2
    assert waited[0] < waited[1]
    await login.check(channel, StreamType.HLS, sqlite_radio.stream_key, ADDRESS)
    assert sqlite_radio.clock.slept == waited


async def test_a_check_at_once_neither_counts_nor_waits(sqlite_radio: Radio) -> None:
    login, channel = make_login(sqlite_radio), await channel_of(sqlite_radio)
    for _ in range(FREE_FAILURES + 2):
        with pytest.raises(WrongSecret):
            login.check_at_once(channel, StreamType.HLS, "a guess")
    assert sqlite_radio.clock.slept == []


async def test_secrets_of_another_key_are_the_operators_trouble_and_told_to_nobody_else(
    sqlite_radio: Radio, caplog: pytest.LogCaptureFixture
) -> None:
    login = make_login(sqlite_radio, "quite another secret key")
    channel = await channel_of(sqlite_radio)
    with pytest.raises(ServiceUnavailable):
        await login.check(channel, StreamType.HLS, sqlite_radio.stream_key, ADDRESS)
    assert "were saved with another secret key" in caplog.text
