from collections.abc import Callable, Iterable

import pytest

from awazpulse.audio import Codec, Frame, Track, UnsupportedAudio
from awazpulse.audio.aac import parse_audio_specific_config
from awazpulse.errors import MisuseError, PeerError
from ingest.rtmp.errors import (
    DeadlinePassed,
    MalformedMessage,
    NotRtmp,
    TooManyMessageStreams,
    TooMuchBeforePublish,
    UnexpectedCommand,
    UnplayableAudio,
)
from ingest.rtmp.events import Event, PublishEnded, PublishRequested, Refused
from ingest.rtmp.limits import RtmpLimits
from ingest.rtmp.messages import MessageType
from ingest.rtmp.metadata import Metadata
from ingest.rtmp.protocol import (
    AUDIO_PROOF_S,
    MAX_BYTES_BEFORE_PUBLISH,
    MAX_MESSAGE_STREAMS,
    ServerProtocol,
)
from ingest.rtmp.state import State

from . import wire
from .answers import HANDSHAKE_BYTES, Answer, parse_commands, parse_messages
from .every_way import fail_every_way, receive_every_way

LIMITS = RtmpLimits()
REQUESTED = PublishRequested("demo", "0PENSESAME", "FMLE/3.0 (compatible; FMSc/1.0)")
MP3_FRAME = bytes((0xFF, 0xFB, 0x90, 0x00)) + bytes(413)
TRACK = parse_audio_specific_config(wire.AAC_CONFIG)


def _make() -> Callable[[bytes], Iterable[Event]]:
    protocol = ServerProtocol(LIMITS, 0.0)
    return lambda data: protocol.receive_data(data, 0.0)


def _make_live() -> Callable[[bytes], Iterable[Event]]:
    protocol = _live()
    return lambda data: protocol.receive_data(data, 0.0)


def _receive(data: bytes) -> list[Event]:
    return receive_every_way(_make, data, behind=wire.control(3, 0))


def _receive_live(data: bytes) -> list[Event]:
    frame = wire.message(wire.AUDIO, b"", chunk_stream_id=9)
    return receive_every_way(_make_live, data, behind=frame)


def _fail(data: bytes, expected: type[PeerError]) -> str:
    return str(fail_every_way(_make, data, expected))


def _fail_live(data: bytes, expected: type[PeerError]) -> str:
    return str(fail_every_way(_make_live, data, expected))


def _protocol(data: bytes = b"") -> ServerProtocol:
    protocol = ServerProtocol(LIMITS, 0.0)
    protocol.receive_data(data, 0.0)
    return protocol


def _live() -> ServerProtocol:
    protocol = _protocol(wire.opening())
    protocol.accept_publish(0.0)
    protocol.data_to_send()
    return protocol


def _answers(protocol: ServerProtocol) -> list[Answer]:
    data = protocol.data_to_send()
    is_first = data[:1] == b"\x03" and len(data) >= HANDSHAKE_BYTES
    return parse_commands(data[HANDSHAKE_BYTES:]) if is_first else parse_commands(data, 65536)


# The publish sequence


def test_a_publish_is_asked_for_and_its_frames_follow() -> None:
    assert _receive(wire.opening()) == [REQUESTED]
    track, frame = _receive_live(wire.aac_config() + wire.aac_frame(b"one", 10))
    assert track == TRACK
    assert isinstance(frame, Frame)
    assert (frame.timestamp_ms, frame.data[7:]) == (10, b"one")


def test_connect_is_answered_with_window_bandwidth_chunk_size_and_success() -> None:
    protocol = _protocol(wire.handshake() + wire.connect())
    messages = parse_messages(protocol.data_to_send()[HANDSHAKE_BYTES:])
    assert [m.type_id for m in messages] == [5, 6, 1, 20]
    assert int.from_bytes(messages[2].payload, "big") >= 60_000
    assert b"NetConnection.Connect.Success" in messages[3].payload


def test_each_command_before_publish_is_answered_with_its_transaction() -> None:
    answers = _answers(_protocol(wire.before_publish()))[1:]
    assert [(a.name, a.values[0]) for a in answers] == [
        ("_result", 2.0),
        ("onFCPublish", 0.0),
        ("_result", 3.0),
        ("_result", 4.0),
    ]
    assert answers[-1].values[2] == 1.0


def test_publish_is_answered_on_the_message_stream_that_was_created() -> None:
    protocol = _protocol(wire.opening())
    protocol.data_to_send()
    protocol.accept_publish(0.0)
    begin, status = parse_messages(protocol.data_to_send())
    assert (begin.type_id, begin.payload) == (4, bytes((0, 0, 0, 0, 0, 1)))
    assert (status.type_id, status.stream_id) == (20, 1)
    assert b"NetStream.Publish.Start" in status.payload


def test_publish_on_a_second_message_stream_is_answered_there() -> None:
    data = wire.before_publish() + wire.command("createStream", 6, wire.NULL)
    protocol = _protocol(data + wire.publish(stream_id=2))
    protocol.data_to_send()
    protocol.accept_publish(0.0)
    assert [a.stream_id for a in _answers(protocol)] == [2]


@pytest.mark.parametrize("stream_id", [0, 7])
def test_publish_on_a_message_stream_that_is_none_is_answered_on_the_created_one(
    stream_id: int,
) -> None:
    protocol = _protocol(wire.before_publish() + wire.publish(stream_id=stream_id))
    protocol.data_to_send()
    protocol.accept_publish(0.0)
    assert [a.stream_id for a in _answers(protocol)] == [1]


def test_publish_without_a_type_is_live() -> None:
    publish = wire.command("publish", 5, wire.NULL, wire.string("demo?key=0PENSESAME"), stream_id=1)
    assert _receive(wire.before_publish() + publish) == [REQUESTED]


def test_commands_of_type_17_are_read_as_amf0_behind_their_selector() -> None:
    body = b"\x00" + wire.string("publish") + wire.number(5) + wire.NULL
    body += wire.string("demo?key=0PENSESAME")
    assert _receive(wire.before_publish() + wire.message(17, body)) == [REQUESTED]
    assert _receive(wire.before_publish() + wire.message(17, body[1:])) == [REQUESTED]


def test_unknown_commands_are_passed_over_in_any_state() -> None:
    unknown = wire.command("_checkbw", 9, wire.NULL) + wire.command("onStatus", 0, wire.NULL)
    data = wire.handshake() + unknown + wire.opening()[len(wire.handshake()) :] + unknown
    assert _receive(data) == [REQUESTED]


@pytest.mark.parametrize("message_type", [kind for kind in MessageType if kind.max_bytes])
def test_every_type_that_is_stored_is_handled_somewhere(message_type: MessageType) -> None:
    body = bytes((0, 0, 0, 1)) if message_type < MessageType.AUDIO else b""
    if message_type in (MessageType.COMMAND_AMF0, MessageType.COMMAND_AMF3):
        body = wire.string("unknown")
    assert _receive_live(wire.message(message_type, body)) == []


# Media


def test_metadata_is_told_and_malformed_metadata_ends_nothing() -> None:
    body = wire.string("@setDataFrame") + wire.string("onMetaData")
    good = wire.message(wire.DATA, body + wire.ecma_array(20, audiodatarate=160.0, encoder="obs"))
    amf3 = wire.message(15, b"\x00" + body + wire.amf_object(encoder="amf3"))
    bad = wire.message(wire.DATA, body + b"\x03\xff") + wire.message(wire.DATA, b"\x99")
    events = _receive_live(bad + good + bad + amf3)
    assert events == [Metadata(160, "obs"), Metadata(None, "amf3")]


def test_aggregate_gives_its_audio_and_metadata() -> None:
    def tag(type_id: int, timestamp: int, payload: bytes) -> bytes:
        head = bytes((type_id,)) + len(payload).to_bytes(3, "big") + timestamp.to_bytes(3, "big")
        return head + bytes(4) + payload + bytes(4)

    meta = wire.string("onMetaData") + wire.amf_object(encoder="fms")
    body = tag(18, 0, meta) + tag(8, 0, b"\xaf\x00" + wire.AAC_CONFIG) + tag(9, 5, b"video")
    body += tag(8, 20, b"\xaf\x01one") + tag(20, 20, b"no command")
    events = _receive_live(wire.message(wire.AGGREGATE, body, time=1000))
    assert events[:2] == [Metadata(None, "fms"), TRACK]
    assert [event.timestamp_ms for event in events if isinstance(event, Frame)] == [1020]


def test_video_is_passed_over_between_audio() -> None:
    video = wire.message(wire.VIDEO, bytes(5000))
    events = _receive_live(video + wire.aac_config() + video + wire.aac_frame(b"one", 10))
    assert [type(event) for event in events] == [Track, Frame]


def test_media_before_publish_is_dropped() -> None:
    media = wire.aac_config() + wire.aac_frame(b"one") + wire.message(wire.DATA, b"\x99")
    assert _receive(wire.before_publish() + media + wire.publish()) == [REQUESTED]


def test_track_and_metadata_that_come_before_the_decision_are_told_after_it() -> None:
    meta = wire.string("onMetaData") + wire.amf_object(encoder="obs")
    early = wire.message(wire.DATA, meta) + wire.aac_config() + wire.aac_frame(b"early", 1)
    protocol = ServerProtocol(LIMITS, 0.0)
    assert protocol.receive_data(wire.opening() + early, 0.0) == [REQUESTED]
    assert protocol.accept_publish(0.0) == [Metadata(None, "obs"), TRACK]
    [frame] = protocol.receive_data(wire.aac_frame(b"late", 20), 0.0)
    assert isinstance(frame, Frame)
    assert frame.data[7:] == b"late"


def test_media_before_the_decision_is_not_kept() -> None:
    protocol = _protocol(wire.opening())
    frame = wire.aac_frame(bytes(5000), 1)
    for _ in range(1000):
        assert protocol.receive_data(frame, 0.0) == []
    assert protocol.accept_publish(0.0) == []


def test_audio_that_cannot_go_on_air_is_refused_clearly() -> None:
    speex = wire.message(wire.AUDIO, b"\xb2\x00\x00")
    assert "Speex" in _fail_live(speex, UnsupportedAudio)
    protocol = _live()
    with pytest.raises(UnsupportedAudio) as raised:
        protocol.receive_data(speex, 0.0)
    assert protocol.fail(raised.value, 0.0)
    [status] = _answers(protocol)
    assert (status.code, status.stream_id) == ("NetStream.Failed", 1)
    assert "expected AAC or MP3" in status.description


# Refusals


def test_a_refusal_is_bad_name_with_the_reason_and_nothing_is_read_after_it() -> None:
    protocol = _protocol(wire.opening())
    protocol.data_to_send()
    protocol.refuse_publish("wrong stream key for channel demo", 0.0)
    [status] = _answers(protocol)
    assert (status.name, status.stream_id) == ("onStatus", 1)
    assert status.code == "NetStream.Publish.BadName"
    assert status.description == "wrong stream key for channel demo"
    assert protocol.receive_data(b"\xff" * 1000, 0.0) == []
    assert _answers(protocol) == []


def test_another_app_is_refused_at_connect() -> None:
    protocol = ServerProtocol(LIMITS, 0.0)
    events = protocol.receive_data(wire.handshake() + wire.connect("foo"), 0.0)
    assert events == [Refused("the server URL must end in /live: rtmp://HOST/live")]
    answers = _answers(protocol)
    assert [a.name for a in answers] == ["_error", "onStatus"]
    assert {a.code for a in answers} == {"NetConnection.Connect.InvalidApp"}
    assert protocol.state is State.LINGERING


def test_an_empty_stream_key_is_refused_with_what_to_type() -> None:
    protocol = ServerProtocol(LIMITS, 0.0)
    [refused] = protocol.receive_data(wire.opening(""), 0.0)
    assert isinstance(refused, Refused)
    status = _answers(protocol)[-1]
    assert status.code == "NetStream.Publish.BadName"
    assert status.description == refused.reason
    assert "CHANNEL?key=SECRET" in refused.reason


def test_the_whole_path_in_the_app_with_an_empty_key_is_understood() -> None:
    assert _receive(wire.opening("", app="live/demo?key=0PENSESAME")) == [REQUESTED]


def test_a_player_is_told_where_to_listen() -> None:
    protocol = ServerProtocol(LIMITS, 0.0)
    play = wire.command("play", 5, wire.NULL, wire.string("demo"), stream_id=1)
    [refused] = protocol.receive_data(wire.before_publish() + play, 0.0)
    assert isinstance(refused, Refused)
    assert _answers(protocol)[-1].code == "NetStream.Play.StreamNotFound"


@pytest.mark.parametrize("name", ["demo?key=0PENSESAME", "0PENSESAME", "0PENSESAME?key=x"])
def test_no_event_shows_the_key(name: str) -> None:
    [event] = _receive(wire.opening(name))
    assert "0PENSESAME" not in repr(event)


# The end


@pytest.mark.parametrize(
    "end",
    [
        wire.command("FCUnpublish", 6, wire.NULL, wire.string("demo")),
        wire.command("deleteStream", 7, wire.NULL, wire.number(1)),
        wire.command("deleteStream", 7, wire.NULL),
        wire.command("closeStream", 0, wire.NULL, stream_id=1),
        wire.command("publish", 0, wire.NULL, b"\x01\x00", stream_id=1),
    ],
)
def test_every_form_of_the_end_is_one_event(end: bytes) -> None:
    rest = wire.command("deleteStream", 7, wire.NULL, wire.number(1))
    for data in (end, end + rest):
        assert _receive_live(data) == [PublishEnded("the encoder stopped")]


def test_the_end_is_answered() -> None:
    protocol = _live()
    protocol.receive_data(wire.command("FCUnpublish", 6, wire.NULL, wire.string("demo")), 0.0)
    answers = _answers(protocol)
    assert [a.name for a in answers] == ["onFCUnpublish", "onStatus"]
    assert answers[1].code == "NetStream.Unpublish.Success"


def test_deleting_another_message_stream_ends_nothing() -> None:
    delete = wire.command("deleteStream", 7, wire.NULL, wire.number(5))
    assert _receive_live(delete) == []


def test_the_wish_to_publish_can_be_taken_back_before_the_decision() -> None:
    protocol = _protocol(wire.opening())
    delete = wire.command("deleteStream", 7, wire.NULL, wire.number(1))
    assert protocol.receive_data(delete, 0.0) == [PublishEnded("the encoder stopped")]
    with pytest.raises(MisuseError):
        protocol.accept_publish(0.0)


def test_a_connection_can_publish_again_with_a_fresh_track() -> None:
    end = wire.command("FCUnpublish", 6, wire.NULL, wire.string("demo"))
    protocol = _live()
    meta = wire.string("onMetaData") + wire.amf_object(encoder="of the first")
    data = wire.aac_config() + wire.message(wire.DATA, meta)
    assert protocol.receive_data(data, 0.0) == [TRACK, Metadata(None, "of the first")]
    stopped = PublishEnded("the encoder stopped")
    assert protocol.receive_data(end + wire.publish(), 0.0) == [stopped, REQUESTED]
    assert protocol.accept_publish(0.0) == []
    data = wire.aac_frame(b"no config") + wire.aac_config()
    assert protocol.receive_data(data, 0.0) == [TRACK]


# What is not allowed


@pytest.mark.parametrize(
    ("data", "command"),
    [
        (wire.handshake() + wire.publish(), "publish"),
        (wire.handshake() + wire.command("createStream", 4, wire.NULL), "createStream"),
        (wire.handshake() + wire.connect() * 2, "connect"),
        (wire.opening() + wire.publish(), "publish in state deciding"),
        (wire.opening() + wire.connect(), "connect in state deciding"),
    ],
)
def test_a_command_in_the_wrong_state_is_the_peers_fault(data: bytes, command: str) -> None:
    assert command in _fail(data, UnexpectedCommand)


def test_a_second_publish_while_live_is_the_peers_fault() -> None:
    assert "publish in state live" in _fail_live(wire.publish(), UnexpectedCommand)


def test_a_malformed_command_is_the_peers_fault() -> None:
    _fail(wire.handshake() + wire.message(wire.COMMAND, b"\x05"), MalformedMessage)


def test_an_http_request_is_refused_at_once_and_without_an_answer() -> None:
    protocol = ServerProtocol(LIMITS, 0.0)
    with pytest.raises(NotRtmp) as raised:
        protocol.receive_data(b"G", 0.0)
    assert not protocol.fail(raised.value, 0.0)
    assert protocol.data_to_send() == b""


def test_message_streams_at_the_limit_are_created_and_one_more_is_not() -> None:
    create = wire.command("createStream", 4, wire.NULL)
    data = wire.handshake() + wire.connect() + create * MAX_MESSAGE_STREAMS
    assert len(_answers(_protocol(data))) == 1 + MAX_MESSAGE_STREAMS
    _fail(data + create, TooManyMessageStreams)


def test_bytes_before_publish_at_the_limit_are_taken_and_one_more_is_not() -> None:
    data = wire.before_publish()
    filler = MAX_BYTES_BEFORE_PUBLISH - len(data) - 16 - 12
    data += wire.control(1, 2**31 - 1)
    data += wire.chunk(0, 4, bytes(filler), type_id=wire.VIDEO)
    assert len(data) == MAX_BYTES_BEFORE_PUBLISH
    protocol = _protocol(data)
    with pytest.raises(TooMuchBeforePublish):
        protocol.receive_data(b"\x04", 0.0)


def test_bytes_after_publish_are_without_limit() -> None:
    protocol = _live()
    video = wire.message(wire.VIDEO, bytes(100_000))
    for _ in range(5):
        assert protocol.receive_data(video, 0.0) == []


def test_after_the_end_the_limit_before_publish_begins_anew() -> None:
    protocol = _live()
    video = wire.message(wire.VIDEO, bytes(200_000))
    for _ in range(5):
        protocol.receive_data(video, 0.0)
    protocol.receive_data(wire.command("closeStream", 0, wire.NULL), 0.0)
    protocol.receive_data(video, 0.0)
    with pytest.raises(TooMuchBeforePublish):
        protocol.receive_data(video, 0.0)


def test_decisions_that_nobody_asked_for_are_our_own_fault_and_change_nothing() -> None:
    protocol = _live()
    with pytest.raises(MisuseError):
        protocol.accept_publish(0.0)
    assert (protocol.state, protocol.data_to_send()) == (State.LIVE, b"")
    protocol = _protocol(wire.handshake())
    protocol.data_to_send()
    with pytest.raises(MisuseError):
        protocol.accept_publish(0.0)
    assert (protocol.state, protocol.data_to_send()) == (State.CONNECTING, b"")


# Deadlines


@pytest.mark.parametrize(
    ("data", "wait_s", "missing"),
    [
        (b"", LIMITS.handshake_s, "handshake"),
        (wire.handshake()[:-1], LIMITS.handshake_s, "handshake"),
        (wire.handshake(), LIMITS.publish_s, "connect"),
        (wire.handshake() + wire.connect(), LIMITS.publish_s, "publish"),
        (wire.before_publish(), LIMITS.publish_s, "publish"),
    ],
)
def test_a_peer_that_waits_has_a_deadline(data: bytes, wait_s: float, missing: str) -> None:
    protocol = ServerProtocol(LIMITS, 100.0)
    protocol.receive_data(data, 100.0)
    assert protocol.deadline == 100.0 + wait_s
    assert protocol.handle_deadline(100.0 + wait_s - 0.001) == []
    with pytest.raises(DeadlinePassed, match=f"no {missing} within {wait_s:g} s"):
        protocol.handle_deadline(100.0 + wait_s)


def test_bytes_that_bring_nothing_forward_move_no_deadline() -> None:
    protocol = ServerProtocol(LIMITS, 0.0)
    for second, byte in enumerate(wire.handshake()[:4]):
        protocol.receive_data(bytes((byte,)), float(second))
    assert protocol.deadline == LIMITS.handshake_s
    protocol = _protocol(wire.before_publish())
    protocol.receive_data(wire.command("releaseStream", 2, wire.NULL), 3.0)
    assert protocol.deadline == LIMITS.publish_s


def test_live_each_audio_frame_moves_the_deadline_and_video_does_not() -> None:
    protocol = _live()
    assert protocol.deadline == LIMITS.silence_s
    protocol.receive_data(wire.aac_config() + wire.aac_frame(b"a"), 5.0)
    assert protocol.deadline == 5.0 + LIMITS.silence_s
    protocol.receive_data(wire.message(wire.VIDEO, bytes(10)), 9.0)
    protocol.receive_data(wire.message(wire.AUDIO, b""), 9.0)
    with pytest.raises(DeadlinePassed, match="no audio within 20 s"):
        protocol.handle_deadline(5.0 + LIMITS.silence_s)


# What cannot be played

VIDEO = wire.message(wire.VIDEO, bytes(100))
BARE_AAC = wire.aac_frame(b"bare")
SPLIT_MP3 = wire.message(wire.AUDIO, b"\x2f" + bytes(100))
OTHER_TRACK = wire.message(wire.AUDIO, b"\x95\x01mp4a\x01other")
AGGREGATED_VIDEO = wire.message(wire.AGGREGATE, b"\x09\x00\x00\x01" + bytes(7) + b"v")


@pytest.mark.parametrize(
    ("media", "reason"),
    [
        (VIDEO, "got video without audio; add audio"),
        (AGGREGATED_VIDEO, "got video without audio; add audio"),
        (VIDEO + wire.message(wire.AUDIO, b""), "got video without audio; add audio"),
        (BARE_AAC, "got AAC without its configuration"),
        (VIDEO + BARE_AAC, "got AAC without its configuration"),
        (SPLIT_MP3, "got MP3 audio in which no frame can be found"),
        (OTHER_TRACK, "got extra audio tracks only"),
    ],
)
def test_media_without_audio_that_can_be_played_is_refused_within_3_s(
    media: bytes, reason: str
) -> None:
    protocol = _live()
    for time in (10.0, 11.0, 12.9):
        assert protocol.receive_data(media, time) == []
    assert protocol.deadline == 10.0 + AUDIO_PROOF_S
    assert protocol.handle_deadline(10.0 + AUDIO_PROOF_S - 0.001) == []
    with pytest.raises(UnplayableAudio, match=f"within 3 s: {reason}") as raised:
        protocol.handle_deadline(10.0 + AUDIO_PROOF_S)
    assert protocol.fail(raised.value, 13.0)
    [status] = _answers(protocol)
    assert (status.code, status.stream_id) == ("NetStream.Failed", 1)
    assert reason in status.description


@pytest.mark.parametrize("media", [VIDEO, BARE_AAC, SPLIT_MP3, OTHER_TRACK])
@pytest.mark.parametrize(
    "audio",
    [
        wire.aac_config() + wire.aac_frame(b"a"),
        wire.aac_frame(wire.adts(b"a")),
        wire.message(wire.AUDIO, b"\x2f" + MP3_FRAME * 2),
    ],
)
def test_audio_that_can_be_played_in_time_is_proof_enough(media: bytes, audio: bytes) -> None:
    protocol = _live()
    protocol.receive_data(media, 10.0)
    events = protocol.receive_data(audio, 12.9)
    assert [type(event) for event in events[:2]] == [Track, Frame]
    protocol.receive_data(VIDEO, 13.0)
    assert protocol.deadline == 12.9 + LIMITS.silence_s
    with pytest.raises(DeadlinePassed, match="no audio within 20 s"):
        protocol.handle_deadline(protocol.deadline)


def test_audio_that_can_no_longer_be_played_is_refused_too() -> None:
    protocol = _live()
    protocol.receive_data(wire.aac_config() + wire.aac_frame(b"a"), 0.0)
    for time in (100.0, 101.0, 102.0):
        protocol.receive_data(SPLIT_MP3, time)
    with pytest.raises(UnplayableAudio, match="no frame can be found"):
        protocol.handle_deadline(103.0)


def test_an_encoder_that_sends_nothing_has_the_time_of_silence() -> None:
    protocol = _protocol(wire.before_publish() + VIDEO + wire.publish() + VIDEO)
    protocol.accept_publish(0.0)
    meta = wire.string("onMetaData") + wire.amf_object(encoder="obs")
    protocol.receive_data(wire.message(wire.DATA, meta) + wire.message(wire.AUDIO, b""), 1.0)
    assert protocol.deadline == LIMITS.silence_s
    with pytest.raises(DeadlinePassed, match="no audio within 20 s"):
        protocol.handle_deadline(LIMITS.silence_s)


def test_a_shorter_time_of_silence_comes_first() -> None:
    protocol = ServerProtocol(RtmpLimits(silence_s=1), 0.0)
    protocol.receive_data(wire.opening(), 0.0)
    protocol.accept_publish(0.0)
    protocol.receive_data(VIDEO, 0.5)
    with pytest.raises(DeadlinePassed):
        protocol.handle_deadline(1.0)


def test_an_encoder_whose_track_came_early_has_shown_audio() -> None:
    protocol = _protocol(wire.opening() + wire.aac_config())
    protocol.accept_publish(0.0)
    protocol.receive_data(VIDEO, 1.0)
    assert protocol.deadline == LIMITS.silence_s


def test_the_end_of_a_publication_takes_the_demand_for_audio_back() -> None:
    protocol = _live()
    protocol.receive_data(BARE_AAC + wire.command("closeStream", 0, wire.NULL), 1.0)
    with pytest.raises(DeadlinePassed, match="no publish within 10 s"):
        protocol.handle_deadline(1.0 + LIMITS.publish_s)
    protocol.receive_data(wire.publish(), 2.0)
    protocol.accept_publish(2.0)
    assert protocol.deadline == 2.0 + LIMITS.silence_s


def test_aac_under_adts_headers_is_on_air_without_a_sequence_header() -> None:
    unit = wire.aac_frame(wire.adts(b"one"), 10)
    assert _receive_live(unit)[0] == TRACK
    protocol = _protocol(wire.opening() + unit)
    assert protocol.accept_publish(0.0) == [TRACK]
    [frame] = protocol.receive_data(unit, 0.0)
    assert isinstance(frame, Frame)
    assert (frame.data, frame.header_bytes) == (wire.adts(b"one"), 7)


def test_aac_frames_of_960_samples_are_refused_with_a_reason_that_the_encoder_reads() -> None:
    config = wire.message(wire.AUDIO, b"\xaf\x00" + bytes((0x12, 0x14)))
    for protocol in (_live(), _protocol(wire.opening())):
        protocol.data_to_send()
        with pytest.raises(UnsupportedAudio) as raised:
            protocol.receive_data(config, 0.0)
        assert protocol.fail(raised.value, 0.0)
        [status] = _answers(protocol)
        assert status.code == "NetStream.Failed"
        assert "960 samples, expected 1024" in status.description


# Our own deadlines


def test_a_decision_of_ours_that_is_late_is_a_refusal_that_blames_us() -> None:
    protocol = _protocol(wire.opening())
    protocol.data_to_send()
    assert protocol.deadline == LIMITS.decision_s
    [ended] = protocol.handle_deadline(LIMITS.decision_s)
    assert isinstance(ended, PublishEnded)
    [status] = _answers(protocol)
    assert status.code == "NetStream.Publish.BadName"
    assert "try again" in status.description


def test_a_refused_peer_that_stays_has_a_deadline() -> None:
    protocol = _protocol(wire.opening())
    protocol.refuse_publish("no", 50.0)
    assert protocol.deadline == 50.0 + LIMITS.linger_s
    with pytest.raises(DeadlinePassed):
        protocol.handle_deadline(protocol.deadline)


def test_an_mp3_publication_is_mp3() -> None:
    frame = bytes((0xFF, 0xFB, 0x90, 0x00)) + bytes(413)
    track, published = _receive_live(wire.message(wire.AUDIO, b"\x2f" + frame, time=24))
    assert isinstance(track, Track)
    assert track.codec is Codec.MP3
    assert published == Frame(24, 1152, frame)
