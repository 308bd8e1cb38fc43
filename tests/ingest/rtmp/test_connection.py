import asyncio
import gc
import logging
import re
import time
import tracemalloc
from collections.abc import Sequence

import pytest

from awazpulse.audio import Frame
from awazpulse.audio.aac import parse_audio_specific_config
from awazpulse.refusals import ServiceUnavailable, UnknownChannel
from awazpulse.relay import End, EndReason, Input
from ingest.rtmp.connection import VIDEO_READ_BYTES
from ingest.rtmp.limits import RtmpLimits
from ingest.rtmp.server import REST_S

from . import wire
from .stage import (
    CHANNEL,
    KEY,
    KICKED,
    STARTED,
    TAKEN_OVER,
    Encoder,
    Stage,
    eventually,
    on_stage,
    why_ended,
)

DOES_NOT_READ = "the encoder broke its protocol: it does not read what it is sent"
SHORT = 0.08  # seconds, for deadlines that a test waits for


async def _publish_frames(encoder: Encoder, count: int, start: int = 0) -> None:
    for number in range(start, start + count):
        await encoder.send(wire.aac_frame(b"frame %d" % number, 23 * number))


# On air


async def test_frames_reach_the_broadcast_in_order() -> None:
    async with on_stage() as stage:
        encoder = await stage.join()
        await encoder.publish()
        await encoder.send(wire.aac_config())
        await _publish_frames(encoder, 50)
        frames = await stage.wait_for_frames(50)
        assert stage.recorder.tracks == [parse_audio_specific_config(wire.AAC_CONFIG)]
        assert [frame.data[7:] for frame in frames] == [b"frame %d" % n for n in range(50)]
        assert [frame.timestamp_ms for frame in frames] == [23 * n for n in range(50)]


async def test_what_the_encoder_says_of_itself_reaches_the_broadcast() -> None:
    async with on_stage() as stage:
        encoder = await stage.join()
        await encoder.publish()
        station = stage.gate.broadcasts[0].station
        assert (station.address, station.user_agent[:8]) == ("127.0.0.1", "FMLE/3.0")
        meta = wire.string("onMetaData") + wire.ecma_array(9, audiodatarate=160.0, encoder="obs")
        await encoder.send(wire.message(wire.DATA, meta) + wire.aac_config())
        await _publish_frames(encoder, 1)
        await stage.wait_for_frames(1)
        station = stage.gate.broadcasts[0].station
        assert (station.bitrate_kbps, station.user_agent) == (160, "obs")


async def test_a_track_that_comes_before_the_decision_is_not_lost() -> None:
    async with on_stage() as stage:
        stage.gate.is_open.clear()
        encoder = await stage.join()
        await encoder.send(wire.opening() + wire.aac_config() + wire.aac_frame(b"early"))
        await stage.gate.is_asked.wait()
        stage.gate.is_open.set()
        await encoder.read_until(STARTED)
        await _publish_frames(encoder, 1)
        [frame] = await stage.wait_for_frames(1)
        assert frame.data[7:] == b"frame 0"


async def test_a_connection_can_publish_again() -> None:
    async with on_stage() as stage:
        encoder = await stage.join()
        await encoder.publish()
        await encoder.send(wire.command("FCUnpublish", 6, wire.NULL, wire.string(CHANNEL)))
        assert await stage.wait_off_air() == "the encoder ended its stream"
        await encoder.send(wire.publish())
        await encoder.read_until(b"NetStream.Unpublish.Success")
        await encoder.send(wire.aac_config())
        await eventually(lambda: len(stage.gate.recorders) == 2)
        await _publish_frames(encoder, 100)
        await stage.wait_for_frames(1)


async def test_audio_behind_video_is_late_by_no_more_than_the_rest() -> None:
    async with on_stage() as stage:
        encoder = await stage.join()
        await encoder.publish()
        await encoder.send(wire.aac_config())
        for number in range(10):
            await encoder.send(wire.message(wire.VIDEO, bytes(VIDEO_READ_BYTES)))
            begin = time.monotonic()
            await _publish_frames(encoder, 1, number)
            await stage.wait_for_frames(number + 1)
            assert time.monotonic() - begin < REST_S + 0.2  # a busy machine's share


async def test_reads_behind_video_are_fewer_than_sends() -> None:
    async with on_stage() as stage:
        encoder = await stage.join()
        await encoder.publish()
        await encoder.send(wire.aac_config())
        arrivals: set[float] = set()
        broadcast = stage.gate.broadcasts[0]
        take_frames = broadcast.take_frames

        def note_arrival(source_input: Input, frames: Sequence[Frame], now: float) -> None:
            arrivals.add(now)
            take_frames(source_input, frames, now)

        broadcast.take_frames = note_arrival  # type: ignore[method-assign]
        for number in range(40):
            await encoder.send(wire.message(wire.VIDEO, bytes(VIDEO_READ_BYTES)))
            await _publish_frames(encoder, 1, number)
            await asyncio.sleep(0.002)
        await stage.wait_for_frames(40)
        assert len(arrivals) < 20


async def test_rests_do_not_hold_up_much_video() -> None:
    async with on_stage() as stage:
        encoder = await stage.join()
        await encoder.publish()
        await encoder.send(wire.control(1, 65536) + wire.aac_config())
        video = wire.message(wire.VIDEO, bytes(1_000_000), chunk_size=65536)
        begin = time.monotonic()
        for _ in range(10):
            await encoder.send(video)
        await _publish_frames(encoder, 1)
        await stage.wait_for_frames(1)
        assert time.monotonic() - begin < 4


async def test_an_encoder_that_leaves_or_is_kicked_while_it_rests_is_gone() -> None:
    async with on_stage() as stage:
        for name in ("left", "kicked"):
            encoder = await stage.join()
            await encoder.publish(f"{name}?key={KEY}")
            await encoder.send(wire.message(wire.VIDEO, bytes(VIDEO_READ_BYTES)))
            await eventually(lambda: bool(stage.server._resting))
            if name == "left":
                await encoder.close()
            else:
                stage.gate.broadcasts[-1].close(KICKED)
            await stage.wait_off_air()
            await eventually(lambda: not stage.server._resting)
        await eventually(lambda: not stage.server._connections)


# The end


async def test_the_broadcast_ends_with_the_connection() -> None:
    async with on_stage() as stage:
        encoder = await stage.join()
        await encoder.publish()
        await encoder.close()
        assert await stage.wait_off_air() == "the encoder disconnected"


async def test_the_connection_ends_with_the_broadcast_at_once() -> None:
    async with on_stage() as stage:
        encoder = await stage.join()
        await encoder.publish()
        stage.gate.broadcasts[0].close(KICKED)
        begin = time.monotonic()
        await encoder.wait_closed()
        assert time.monotonic() - begin < 0.5
        assert stage.gate.broadcasts[-1].end == KICKED


async def test_a_second_encoder_takes_over_from_the_first() -> None:
    async with on_stage() as stage:
        first, second = await stage.join(), await stage.join()
        await first.publish()
        await second.publish()
        await first.wait_closed()
        assert stage.gate.broadcasts[0].end == TAKEN_OVER
        await second.send(wire.aac_config())
        await _publish_frames(second, 3)
        await stage.wait_for_frames(3)
        assert not stage.gate.broadcasts[1].is_closed


async def test_frames_behind_a_kick_in_the_same_read_are_dropped() -> None:
    async with on_stage() as stage:
        encoder = await stage.join()
        await encoder.publish()
        recorder = stage.recorder
        kick = stage.gate.broadcasts[0].close
        on_frames = recorder.on_frames

        def kick_at_the_first(frames: Sequence[Frame]) -> None:
            on_frames(frames)
            kick(KICKED)

        recorder.on_frames = kick_at_the_first  # type: ignore[method-assign]
        await encoder.send(wire.aac_config() + b"".join(wire.aac_frame(b"x", n) for n in range(9)))
        await encoder.wait_closed()
        assert len(recorder.frames) == 1


@pytest.mark.parametrize("leave", ["close", "delete"])
async def test_a_broadcast_that_comes_after_the_encoder_left_is_closed(leave: str) -> None:
    async with on_stage() as stage:
        stage.gate.is_open.clear()
        encoder = await stage.join()
        await encoder.send(wire.opening())
        await stage.gate.is_asked.wait()
        if leave == "close":
            await encoder.close()
        else:
            await encoder.send(wire.command("deleteStream", 7, wire.NULL, wire.number(1)))
            await encoder.read_until(b"NetStream.Unpublish.Success")
        await asyncio.sleep(0.02)
        stage.gate.is_open.set()
        await eventually(lambda: bool(stage.gate.broadcasts))
        await asyncio.sleep(0.01)
        assert why_ended(stage.gate.broadcasts[0]) == "the encoder disconnected"


# What comes of a decision that nobody waits for

_DELETE = wire.command("deleteStream", 7, wire.NULL, wire.number(1))


async def _leave(encoder: Encoder, stage: Stage, way: str) -> None:
    """Have the connection that is decided on end."""
    match way:
        case "eof":
            await encoder.close()
        case "reset":
            encoder.abort()
        case "delete":
            await encoder.send(_DELETE)
        case "error":
            await encoder.send(wire.control(1, 0))
        case "unread answers":
            ping = wire.chunk(0, 2, b"\x00\x06abcd", type_id=4, stream_id=0) * 20_000
            with pytest.raises(ConnectionError):
                await _send_for_ever(encoder, ping)
        case "late decision":
            await encoder.read_until(b"NetStream.Publish.BadName")
        case "kick":
            for connection in tuple(stage.server._connections):
                if not connection._live_since:
                    connection.close(KICKED)


@pytest.mark.parametrize(
    "way", ["eof", "reset", "delete", "error", "unread answers", "late decision", "kick"]
)
async def test_a_source_that_left_while_it_was_decided_on_is_gone_and_takes_nothing_over(
    way: str, caplog: pytest.LogCaptureFixture
) -> None:
    decision_s = 2 * SHORT if way == "late decision" else 10
    async with on_stage(RtmpLimits(decision_s=decision_s, write_buffer_bytes=1024)) as stage:
        live = await stage.join()
        await live.publish()
        stage.gate.asks_who_is_gone = True
        stage.gate.is_open.clear()
        stage.gate.is_asked.clear()
        encoder = await stage.join()
        await encoder.send(wire.opening())
        await stage.gate.is_asked.wait()
        [publication] = [
            c._publication
            for c in stage.server._connections
            if c._publication is not None and not c._live_since
        ]
        assert not publication.is_gone
        await _leave(encoder, stage, way)
        await eventually(lambda: publication.is_gone)
        stage.gate.is_open.set()
        await eventually(lambda: not stage.server._tasks)
        assert stage.gate.gone == 1
        [broadcast] = stage.gate.broadcasts
        assert not broadcast.is_closed
        assert not [r for r in caplog.records if r.levelno >= logging.ERROR]


async def test_a_source_that_is_decided_on_is_gone_once_the_server_closes() -> None:
    async with on_stage() as stage:
        stage.gate.asks_who_is_gone = True
        stage.gate.is_open.clear()
        await (await stage.join()).send(wire.opening())
        await stage.gate.is_asked.wait()
        closing = asyncio.create_task(stage.server.close())
        await asyncio.sleep(0)
        stage.gate.is_open.set()
        await closing
        assert (stage.gate.gone, stage.gate.broadcasts) == (1, [])


async def test_a_wish_that_is_taken_back_in_the_same_read_asks_nobody() -> None:
    async with on_stage() as stage:
        encoder = await stage.join()
        await encoder.send(wire.opening() + _DELETE)
        await encoder.read_until(b"NetStream.Unpublish.Success")
        await eventually(lambda: not stage.server._tasks)
        assert not stage.gate.is_asked.is_set()


# Refusals


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("demo?key=wrong", "wrong stream key for channel demo"),
        ("demo", "the stream key must be CHANNEL?key=SECRET"),
        ("nobody?key=x", "channel 'nobody' does not exist"),
        ("", "the stream key must be CHANNEL?key=SECRET"),
    ],
)
async def test_a_refused_encoder_is_told_why_and_then_closed(name: str, reason: str) -> None:
    async with on_stage(RtmpLimits(linger_s=SHORT)) as stage:
        encoder = await stage.join()
        await encoder.send(wire.opening(name))
        await encoder.read_until(b"NetStream.Publish.BadName")
        assert reason.encode() in encoder.received
        await encoder.send(wire.aac_config() + bytes(10_000))  # read, not answered by a reset
        await encoder.wait_closed()
        assert stage.gate.broadcasts == []


async def test_a_gate_that_breaks_is_a_refusal_and_one_line_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with on_stage() as stage:
        stage.gate.failure = RuntimeError("the gate is broken")
        encoder = await stage.join()
        await encoder.send(wire.opening())
        await encoder.read_until(b"NetStream.Publish.BadName")
        assert b"try again soon" in encoder.received
        errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
        assert [record.exc_text is not None or record.exc_info for record in errors]
        assert len(errors) == 1


async def test_an_http_request_is_closed_at_once() -> None:
    async with on_stage() as stage:
        encoder = await stage.join()
        begin = time.monotonic()
        await encoder.send(b"GET / HTTP/1.1\r\nHost: radio\r\n\r\n")
        await encoder.wait_closed()
        assert time.monotonic() - begin < 0.5
        assert encoder.received == b""


async def test_broken_rtmp_ends_its_own_connection_only() -> None:
    async with on_stage(RtmpLimits(linger_s=SHORT)) as stage:
        good, bad = await stage.join(), await stage.join()
        await good.publish("good?key=" + KEY)
        await bad.publish("bad?key=" + KEY)
        await bad.send(wire.control(1, 0))
        await bad.read_until(b"NetStream.Failed")
        assert b"got a chunk size of 0" in bad.received
        await bad.wait_closed()
        assert "got a chunk size of 0" in await stage.wait_off_air()
        await good.send(wire.aac_config() + wire.aac_frame(b"still here"))
        await eventually(lambda: bool(stage.gate.recorders[0].frames))
        assert not stage.gate.broadcasts[0].is_closed


async def test_an_error_of_ours_is_logged_once_and_closes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with on_stage() as stage:
        encoder = await stage.join()
        await encoder.publish()

        def fail(*_arguments: object) -> None:
            raise RuntimeError("a mistake of ours")

        stage.gate.broadcasts[0].take_frames = fail  # type: ignore[method-assign,assignment]
        frames = b"".join(wire.aac_frame(b"x", n) for n in range(5))
        await encoder.send(wire.aac_config() + frames)
        await encoder.wait_closed()
        assert await stage.wait_off_air() == "an error of this server"
        assert len([r for r in caplog.records if r.levelno >= logging.ERROR]) == 1


# Deadlines


@pytest.mark.parametrize(
    ("sent", "limits"),
    [
        (b"", RtmpLimits(handshake_s=SHORT)),
        (wire.handshake()[:-1], RtmpLimits(handshake_s=SHORT)),
        (wire.handshake(), RtmpLimits(publish_s=SHORT)),
        (wire.before_publish(), RtmpLimits(publish_s=SHORT)),
        (wire.opening(""), RtmpLimits(linger_s=SHORT)),
    ],
)
async def test_a_peer_that_waits_is_closed(sent: bytes, limits: RtmpLimits) -> None:
    async with on_stage(limits) as stage:
        encoder = await stage.join()
        begin = time.monotonic()
        await encoder.send(sent)
        await encoder.wait_closed()
        assert SHORT * 0.8 < time.monotonic() - begin < 2  # uvloop's timers count milliseconds


async def test_an_encoder_without_audio_goes_off_air_though_it_sends_video() -> None:
    async with on_stage(RtmpLimits(silence_s=4 * SHORT)) as stage:
        encoder = await stage.join()
        await encoder.publish()
        await encoder.send(wire.aac_config())
        begin = time.monotonic()
        for number in range(8):  # twice the limit, but with audio
            await asyncio.sleep(SHORT)
            await _publish_frames(encoder, 1, number)
        assert not stage.gate.broadcasts[0].is_closed
        video = asyncio.create_task(_send_video(encoder))
        assert await stage.wait_off_air() == "the encoder fell silent: no audio within 0.32 s"
        assert time.monotonic() - begin >= 11 * SHORT
        video.cancel()
        await asyncio.wait({video})


async def test_an_encoder_whose_audio_cannot_be_played_is_told_and_goes_off_air(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr("ingest.rtmp.protocol.AUDIO_PROOF_S", SHORT)
    async with on_stage(RtmpLimits(linger_s=SHORT)) as stage:
        encoder = await stage.join()
        await encoder.publish()
        await encoder.send(wire.aac_frame(b"without a configuration"))
        await encoder.read_until(b"NetStream.Failed")
        assert b"got AAC without its configuration" in encoder.received
        await encoder.wait_closed()
        reason = await stage.wait_off_air()
        assert reason.startswith(str(End(EndReason.BAD_AUDIO)))
        assert "got AAC without its configuration" in reason
    assert re.search(r"channel=demo closing: no audio that can be played within", caplog.text)


async def _send_video(encoder: Encoder) -> None:
    while True:
        await encoder.send(wire.message(wire.VIDEO, bytes(1000)))
        await asyncio.sleep(SHORT / 4)


async def test_a_decision_that_is_late_is_a_refusal() -> None:
    async with on_stage(RtmpLimits(decision_s=SHORT)) as stage:
        stage.gate.is_open.clear()
        encoder = await stage.join()
        await encoder.send(wire.opening())
        await encoder.read_until(b"NetStream.Publish.BadName")
        assert b"try again soon" in encoder.received
        stage.gate.is_open.set()
        await eventually(lambda: bool(stage.gate.broadcasts))
        assert await stage.wait_off_air() == "the encoder disconnected"


# Limits


async def _is_admitted(encoder: Encoder) -> bool:
    try:
        await encoder.send(wire.handshake())
        await encoder.read_until(b"\x03")
    except (AssertionError, ConnectionError):
        return False
    return True


async def test_pending_connections_of_an_address_at_the_limit_and_one_more() -> None:
    async with on_stage(RtmpLimits(pending_per_address=3)) as stage:
        encoders = [await stage.join() for _ in range(4)]
        assert [await _is_admitted(e) for e in encoders] == [True, True, True, False]
        await encoders[0].send(wire.opening()[len(wire.handshake()) :])
        await encoders[0].read_until(STARTED)
        assert await _is_admitted(await stage.join())
        assert not await _is_admitted(await stage.join())
        await encoders[0].close()
        await encoders[1].close()
        await stage.wait_off_air()
        await asyncio.sleep(0.02)
        assert await _is_admitted(await stage.join())


async def test_all_connections_at_the_limit_and_one_more() -> None:
    async with on_stage(RtmpLimits(connections=2)) as stage:
        encoders = [await stage.join() for _ in range(3)]
        await encoders[0].publish()
        assert await _is_admitted(encoders[1])
        assert not await _is_admitted(encoders[2])
        assert stage.server.connection_counts.connections == 2


async def test_nothing_stays_of_connections_that_have_gone() -> None:
    async with on_stage() as stage:
        for name in ("a?key=" + KEY, "demo?key=wrong", ""):
            encoder = await stage.join()
            await encoder.send(wire.opening(name))
            await encoder.read_until(b"NetStream.Publish")
            await encoder.close()
        await asyncio.sleep(0.05)
        assert stage.server.connection_counts.connections == 0
        assert not stage.server.connection_counts._pending
        assert not stage.server._connections
        assert not stage.server._tasks


async def test_a_peer_that_reads_no_answers_is_cut_off() -> None:
    async with on_stage(RtmpLimits(write_buffer_bytes=1024)) as stage:
        encoder = await stage.join()
        await encoder.publish()
        ping = wire.chunk(0, 2, b"\x00\x06abcd", type_id=4, stream_id=0) * 20_000
        async with asyncio.timeout(20):
            with pytest.raises(ConnectionError):
                await _send_for_ever(encoder, ping)
        assert await stage.wait_off_air() == DOES_NOT_READ


async def test_unread_answers_at_the_limit_are_kept_and_one_byte_more_ends_the_connection() -> None:
    limit = 64 * 1024
    async with on_stage(RtmpLimits(write_buffer_bytes=limit)) as stage:
        encoder = await stage.join()
        await encoder.publish()
        [connection] = stage.server._connections
        transport = connection._transport
        assert transport is not None
        encoder.pause_reading()
        quiet = 0
        while quiet < 5:  # the kernel's own buffers are full once what is written stays with us
            if not transport.get_write_buffer_size():
                transport.write(bytes(limit // 4))
                quiet = 0
            await asyncio.sleep(0.01)
            quiet += 1
        transport.write(bytes(limit - transport.get_write_buffer_size()))
        await asyncio.sleep(0.01)
        assert transport.get_write_buffer_size() == limit
        assert not stage.recorder.closed.is_set()
        transport.write(b"x")
        assert await stage.wait_off_air() == DOES_NOT_READ


async def _send_for_ever(encoder: Encoder, data: bytes) -> None:
    while True:
        await encoder.send(data)


async def test_memory_stays_flat_under_hostile_input() -> None:
    async with on_stage() as stage:
        live = await stage.join()
        await live.publish()
        await live.send(wire.control(1, 65536) + wire.aac_config())
        hostile = [
            wire.chunk(0, 5, bytes(60_000), length=0xFFFFFF, type_id=wire.VIDEO)
            + wire.control(2, 5),
            wire.message(wire.DATA, bytes(70_000), chunk_size=65536),
            wire.chunk(0, 6, bytes(65536), length=200_000) + wire.control(2, 6),
        ]
        for data in hostile:
            await live.send(data)
        gc.collect()
        tracemalloc.start()
        try:
            for _ in range(12):
                for data in hostile:
                    await live.send(data)
                stranger = await stage.join()
                await stranger.send(wire.handshake() + wire.connect() + b"\xc9" + bytes(50))
                await stranger.wait_closed()
                await stranger.close()
            gc.collect()
            current, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert not stage.gate.broadcasts[0].is_closed
        assert current < 1_000_000


# Logging


async def test_each_line_has_the_connection_and_the_channel_and_never_a_key(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    async with on_stage(RtmpLimits(linger_s=SHORT)) as stage:
        good, wrong, bad = [await stage.join() for _ in range(3)]
        await good.publish()
        await wrong.send(wire.opening("demo?key=" + KEY + "x"))
        await wrong.read_until(b"NetStream.Publish.BadName")
        await bad.publish("bad?key=" + KEY)
        await bad.send(wire.publish())
        await bad.read_until(b"NetStream.Failed")
        await good.close()
        await bad.wait_closed()
        await asyncio.sleep(0.02)
    lines = [r.getMessage() for r in caplog.records if r.name.startswith("ingest")]
    assert KEY not in "".join(lines)
    assert all(re.match(r"rtmp=\d+ ", line) for line in lines)
    text = "\n".join(lines)
    assert re.search(r"rtmp=(\d+) channel=demo on air", text)
    assert re.search(r"rtmp=(\d+) channel=demo refused: wrong stream key", text)
    assert re.search(r"rtmp=(\d+) channel=bad closing: got publish in state live", text)
    assert re.search(
        r"rtmp=(\d+) channel=demo off air after \d+\.\d s: the encoder disconnected", text
    )


SECRET = "uYRPqmxCe24Jvh9WkDzs7TnB"  # 24 letters and digits, as the catalog makes them


@pytest.mark.parametrize(
    ("name", "failure", "told", "logged"),
    [
        (SECRET, None, "CHANNEL?key=SECRET", "refused: the stream key must be CHANNEL?key=SECRET"),
        (SECRET + "?key=", None, "CHANNEL?key=SECRET", "refused: the stream key must be"),
        (f"{SECRET}?key={SECRET}", UnknownChannel(SECRET), SECRET, "refused: UnknownChannel ("),
        (SECRET + "?key=x", UnknownChannel(SECRET), SECRET, "refused: UnknownChannel ("),
        (SECRET + "?key=x", ServiceUnavailable(), "try again soon", "try again soon"),
        (SECRET + "?key=x", RuntimeError("broken"), "try again soon", "cannot be decided"),
        (f"demo?key={SECRET}", None, "wrong stream key", "channel=demo refused: wrong stream key"),
    ],
)
async def test_a_secret_pasted_anywhere_is_never_logged(
    caplog: pytest.LogCaptureFixture,
    name: str,
    failure: Exception | None,
    told: str,
    logged: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    async with on_stage(RtmpLimits(linger_s=SHORT)) as stage:
        stage.gate.failure = failure
        encoder = await stage.join()
        await encoder.send(wire.opening(name))
        await encoder.read_until(b"NetStream.Publish.BadName")
        assert told.encode() in encoder.received
        await encoder.wait_closed()
        await asyncio.sleep(0.02)
    lines = [r.getMessage() for r in caplog.records if r.name.startswith("ingest")]
    [line] = [line for line in lines if logged in line]
    assert re.match(r"rtmp=\d+ channel=(-|demo) ", line)
    assert SECRET not in caplog.text


async def test_a_secret_pasted_as_channel_is_not_logged_while_it_is_decided(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    async with on_stage(RtmpLimits(linger_s=SHORT)) as stage:
        stage.gate.is_open.clear()
        encoder = await stage.join()
        await encoder.send(wire.opening(SECRET + "?key=x"))
        await stage.gate.is_asked.wait()
        await encoder.send(wire.publish())
        await encoder.wait_closed()
        stage.gate.is_open.set()
    assert "channel=- closing: got publish in state deciding" in caplog.text
    assert SECRET not in caplog.text


async def test_strangers_log_nothing_but_what_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with on_stage(RtmpLimits(handshake_s=SHORT, linger_s=SHORT)) as stage:
        for sent in (b"", b"GET / HTTP/1.1\r\n\r\n", wire.handshake() + wire.publish()):
            stranger = await stage.join()
            await stranger.send(sent)
            await stranger.wait_closed()
        await (await stage.join()).close()
        refused = await stage.join()
        await refused.send(wire.opening(""))
        await refused.wait_closed()
        encoder = await stage.join()
        await encoder.publish()
        await encoder.close()
        await stage.wait_off_air()
        at_fault = await stage.join()
        await at_fault.publish()
        await at_fault.send(wire.control(1, 0))
        await at_fault.wait_closed()
        await asyncio.sleep(0.02)
    lines = [r.getMessage() for r in caplog.records if r.name.startswith("ingest")]
    assert [re.sub(r"rtmp=\d+ ", "", line)[:30] for line in lines] == [
        "channel=- refused: the stream ",
        "channel=demo closing: got a ch",
    ]


async def test_a_flood_of_connections_is_one_line_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with on_stage(RtmpLimits(connections=0)) as stage:
        for _ in range(20):
            await (await stage.join()).wait_closed()
        lines = [r.getMessage() for r in caplog.records if r.name.startswith("ingest")]
        assert lines == ["1 RTMP connections turned away, last from 127.0.0.1"]
