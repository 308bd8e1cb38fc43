import pytest

from awazpulse.errors import MisuseError
from awazpulse.relay import Broadcast, End, EndReason
from awazpulse.relay.registry import Registry


def make_broadcast(channel_id: str = "demo") -> Broadcast:
    return Broadcast(channel_id, "hls", max_listeners=10, now=0.0)


def test_registry_holds_one_open_broadcast_a_channel() -> None:
    registry, broadcast, other = Registry(), make_broadcast(), make_broadcast("other")
    registry.add(broadcast)
    registry.add(other)
    assert (registry.get("demo"), len(registry), set(registry)) == (
        broadcast,
        2,
        {broadcast, other},
    )
    with pytest.raises(MisuseError):
        registry.add(make_broadcast())


def test_registry_takes_no_closed_broadcast() -> None:
    broadcast = make_broadcast()
    broadcast.close(End(EndReason.STOPPED))
    with pytest.raises(MisuseError):
        Registry().add(broadcast)


def test_registry_keeps_the_new_broadcast_when_the_old_one_goes() -> None:
    registry, old, new = Registry(), make_broadcast(), make_broadcast()
    registry.add(old)
    registry.remove(old)
    registry.add(new)
    registry.remove(old)
    assert registry.get("demo") is new
