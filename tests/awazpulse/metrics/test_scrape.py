import asyncio

from awazpulse.kinds import MetricsAccess
from awazpulse.metrics.scrape import OPENMETRICS, Scrape
from tests.awazpulse.channels.support import Clock
from tests.awazpulse.metrics.world import World


async def test_an_answer_is_given_again_for_a_second_and_then_made_anew() -> None:
    world, clock = World(), Clock()
    scrape = Scrape(world.gauges, MetricsAccess.LOOPBACK, clock=clock)
    first = await scrape.render("")
    world.gaps = 6
    clock.now += 0.9
    assert await scrape.render("text/plain") == first
    clock.now += 0.2
    text, _ = await scrape.render("")
    assert b"awazpulse_ingest_gaps_total 6.0" in text


async def test_both_formats_at_once_are_of_the_same_moment() -> None:
    world, clock = World(), Clock()
    scrape = Scrape(world.gauges, MetricsAccess.LOOPBACK, clock=clock)
    answers = await asyncio.gather(*(scrape.render(a) for a in ("", OPENMETRICS, "", OPENMETRICS)))
    assert answers[0] == answers[2] != answers[1] == answers[3]
    assert answers[1][1].startswith(OPENMETRICS)
