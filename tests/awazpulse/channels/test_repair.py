from awazpulse.channels.repair import repair_rows
from awazpulse.kinds import StreamStatus
from tests.awazpulse.channels.support import URLS, Radio


async def repair(radio: Radio) -> None:
    async with radio.database.write() as session:
        await repair_rows(session, URLS)


async def test_a_row_that_a_crash_has_left_on_air_is_taken_off(radio: Radio) -> None:
    row = await radio.row()
    async with radio.database.write() as session:
        row.status, row.current_listeners, row.total_uptime = StreamStatus.LIVE, 7, 500
        row.current_track, row.current_artist = "Track", "Artist"
        await session.merge(row)
    await repair(radio)
    row = await radio.row()
    assert (row.status, row.current_listeners) == (StreamStatus.OFFLINE, 0)
    assert (row.current_track, row.current_artist) == (None, None)
    assert row.total_uptime == 500


async def test_what_others_have_set_stays(radio: Radio) -> None:
    for status in (StreamStatus.MAINTENANCE, StreamStatus.SCHEDULED):
        row = await radio.row()
        async with radio.database.write() as session:
            row.status, row.current_listeners = status, 3
            await session.merge(row)
        await repair(radio)
        row = await radio.row()
        assert (row.status, row.current_listeners) == (status, 0)


async def test_every_row_says_where_this_server_plays_it(radio: Radio) -> None:
    await radio.manager.switch_stream_type("demo", "icecast")
    async with radio.database.write() as session:
        for row in await radio.rows():
            row.stream_url = "http://old.example/"
            await session.merge(row)
    await repair(radio)
    assert [row.stream_url for row in await radio.rows()] == [
        URLS.playback("demo", "hls"),
        URLS.playback("demo", "icecast"),
    ]
