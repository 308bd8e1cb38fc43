from awazpulse.kinds import StreamType
from awazpulse.metrics.gauges import MAX_CHANNELS, OTHER
from awazpulse.metrics.snapshot import ChannelFigures
from awazpulse.relay import End, EndReason
from tests.awazpulse.metrics.world import World


def test_channels_and_listeners_are_counted_by_type_and_types_without_any_are_there() -> None:
    world = World()
    world.go_live("a", StreamType.ICECAST, listeners=3)
    gone = world.go_live("b", StreamType.ICECAST, listeners=4)
    gone.cut_off(End(EndReason.STOPPED), 1.0)
    figures = world.gauges.read()
    assert figures.broadcasts == {"hls": 0, "icecast": 2}
    assert figures.without_source == {"hls": 0, "icecast": 1}
    assert figures.listeners == {"hls": 0, "icecast": 7}


def test_the_peak_stays_when_listeners_leave() -> None:
    world = World()
    broadcast = world.go_live("a", listeners=3)
    world.gauges.note_peak()
    broadcast.listeners_of(StreamType.ICECAST).listener_left()
    assert world.gauges.read().peak_listeners == {"hls": 0, "icecast": 3}
    world.live.clear()
    assert world.gauges.read().peak_listeners["icecast"] == 3


def test_a_channel_has_its_listeners_its_bitrate_its_gaps_and_its_source() -> None:
    world = World()
    world.go_live("a", listeners=3)
    silent = world.go_live("b")
    world.qualities.pop(silent.id)
    silent.cut_off(End(EndReason.STOPPED), 1.0)
    assert world.gauges.read().channels == [
        ChannelFigures("a", {"icecast": 3}, bitrate_kbps=128, gaps=2, sources=1),
        ChannelFigures("b", {"icecast": 0}, bitrate_kbps=0, gaps=0, sources=0),
    ]


def test_channels_up_to_the_limit_have_figures_of_their_own_and_the_rest_is_added_up() -> None:
    world = World(max_channels=2)
    for name in ("a", "b"):
        world.go_live(name, listeners=1)
    assert [one.channel for one in world.gauges.read().channels] == ["a", "b"]
    world.go_live("c", StreamType.HLS, listeners=5)
    world.go_live("d", listeners=6)
    channels = world.gauges.read().channels
    assert [one.channel for one in channels] == ["a", "b", OTHER]
    assert channels[-1] == ChannelFigures(
        OTHER, {"hls": 5, "icecast": 6}, bitrate_kbps=256, gaps=4, sources=2
    )


def test_a_channel_that_is_named_other_makes_no_second_series_of_that_name() -> None:
    world = World(max_channels=2)
    for name in ("a", OTHER, "b", "c"):
        world.go_live(name)
    assert [one.channel for one in world.gauges.read().channels] == ["a", "b", OTHER]


def test_the_limit_is_a_thousand_channels() -> None:
    world = World()
    for n in range(MAX_CHANNELS + 1):
        world.go_live(f"c{n}")
    assert len(world.gauges.read().channels) == 1001


def test_a_transaction_without_a_database_is_a_failure_and_has_its_latency() -> None:
    world = World()
    world.database.note(0.002, is_available=True)
    world.database.note(3.0, is_available=False)
    figures = world.gauges.read()
    assert figures.database_failures == 1
    buckets = dict(figures.database_latency.buckets)
    assert (buckets["0.001"], buckets["0.0025"], buckets["2.5"], buckets["5.0"]) == (0, 1, 1, 2)
