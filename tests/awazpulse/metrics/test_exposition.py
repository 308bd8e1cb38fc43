import re

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_plain

from awazpulse.metrics.exposition import render
from awazpulse.metrics.gauges import MAX_CHANNELS
from tests.awazpulse.metrics.world import World

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def read(world: World, *, is_openmetrics: bool = False) -> Samples:
    """Return every sample by its name and its labels."""
    text, _ = render(world.gauges.read(), is_openmetrics=is_openmetrics)
    parse = parse_openmetrics if is_openmetrics else parse_plain
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in parse(text.decode())
        for sample in family.samples
    }


def test_every_figure_has_its_series() -> None:
    world = World()
    world.go_live("a", listeners=3)
    world.database.note(0.05, is_available=False)
    world.lag.observe(0.2)
    found = read(world)
    expected: dict[str, float] = {
        'awazpulse_build_info{version="1.2.3"}': 1,
        "awazpulse_draining": 0,
        'awazpulse_broadcasts{type="icecast"}': 1,
        'awazpulse_broadcasts{type="hls"}': 0,
        'awazpulse_broadcasts_without_source{type="icecast"}': 0,
        'awazpulse_listeners{type="icecast"}': 3,
        'awazpulse_listeners_peak{type="icecast"}': 3,
        'awazpulse_listener_joins_total{type="hls"}': 7,
        'awazpulse_sent_bytes_total{type="icecast"}': 1000,
        'awazpulse_listeners_dropped_total{reason="stalled"}': 3,
        'awazpulse_listeners_dropped_total{reason="ended"}': 0,
        "awazpulse_listeners_moved_total": 4,
        "awazpulse_send_interval_seconds": 0.25,
        'awazpulse_refused_logins_total{reason="wrong_secret"}': 2,
        "awazpulse_ingest_gaps_total": 5,
        "awazpulse_ledger_pending": 6,
        "awazpulse_ledger_lost_total": 8,
        "awazpulse_database_failures_total": 1,
        'awazpulse_database_transaction_seconds_bucket{le="0.05"}': 1,
        "awazpulse_database_transaction_seconds_count": 1,
        'awazpulse_event_loop_lag_seconds_bucket{le="0.1"}': 0,
        'awazpulse_event_loop_lag_seconds_bucket{le="+Inf"}': 1,
        "awazpulse_event_loop_lag_seconds_sum": 0.2,
        'awazpulse_channel_listeners{channel="a",type="icecast"}': 3,
        'awazpulse_channel_ingest_bits_per_second{channel="a"}': 128_000,
        'awazpulse_channel_ingest_gaps{channel="a"}': 2,
        'awazpulse_channel_sources{channel="a"}': 1,
    }
    for text, value in expected.items():
        name, _, labels = text.partition("{")
        assert found[name, tuple(sorted(re.findall(r'(\w+)="([^"]*)"', labels)))] == value, text
    assert found["process_resident_memory_bytes", ()] > 10e6
    assert found["process_open_fds", ()] > 3


def test_while_it_drains_it_says_so() -> None:
    world = World()
    world.is_draining = True
    assert read(world)["awazpulse_draining", ()] == 1


@pytest.mark.parametrize(
    ("is_openmetrics", "content_type"),
    [(True, "application/openmetrics-text"), (False, "text/plain")],
)
def test_both_formats_are_what_their_parsers_take(is_openmetrics: bool, content_type: str) -> None:
    world = World()
    world.go_live("a")
    _, given = render(world.gauges.read(), is_openmetrics=is_openmetrics)
    assert given.startswith(f"{content_type}; version=")
    mine = {name for name, _ in read(world, is_openmetrics=is_openmetrics)}
    assert {"awazpulse_broadcasts", "awazpulse_ingest_gaps_total"} <= mine


def test_the_number_of_series_has_a_limit_whatever_is_on_air() -> None:
    world = World()
    for n in range(2 * MAX_CHANNELS):
        world.go_live(f"c{n}")
    found = read(world)
    assert len({labels for _, labels in found if dict(labels).get("channel")}) <= 3 * (
        MAX_CHANNELS + 1
    )
    assert found["awazpulse_channel_sources", (("channel", "other"),)] == MAX_CHANNELS
