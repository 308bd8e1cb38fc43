"""The bytes that OBS sends: 5 Mbit/s of video and 160 kbit/s of AAC, in chunks of 4,096 bytes.

Metadata, audio and video all on chunk stream 4; a keyframe of eight times the size of the others
every two seconds; type 0 for the first message of a kind, type 1 for the rest, type 3 inside. The
messages are given chunk by chunk, as librtmp sends each chunk by a call of its own.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

from ingest.rtmp.amf0 import EcmaArray, Value, serialize_values

CHUNK_SIZE = 4096
VIDEO_BITRATE = 5_000_000
FRAMES_PER_SECOND = 30
KEYFRAME_SECONDS = 2
KEYFRAME_FACTOR = 8
AUDIO_BITRATE = 160_000
SAMPLE_RATE = 48_000
FRAME_SAMPLES = 1024

_CHUNK_STREAM = 4
_AUDIO, _VIDEO, _DATA, _COMMAND, _SET_CHUNK_SIZE = 8, 9, 18, 20, 1
_AUDIO_SPECIFIC_CONFIG = bytes((0x11, 0x90))  # AAC-LC, 48 kHz, stereo


@dataclass(frozen=True, slots=True)
class Send:
    """Chunks to be sent at a time in seconds from the beginning, one call each."""

    due: float
    chunks: tuple[bytes, ...]


def handshake() -> bytes:
    return bytes((3,)) + bytes(2 * 1536)


def commands(app: str, name: str, port: int) -> list[bytes]:
    """Return connect to publish; each is sent when the one before has been answered."""
    connect: dict[str, Value] = {
        "app": app,
        "type": "nonprivate",
        "flashVer": "FMLE/3.0 (compatible; FMSc/1.0)",
        "tcUrl": f"rtmp://127.0.0.1:{port}/{app}",
    }
    set_chunk_size = _message(2, _SET_CHUNK_SIZE, 0, CHUNK_SIZE.to_bytes(4, "big"))
    return [
        set_chunk_size + _message(3, _COMMAND, 0, serialize_values("connect", 1.0, connect)),
        _message(3, _COMMAND, 0, serialize_values("releaseStream", 2.0, None, name))
        + _message(3, _COMMAND, 0, serialize_values("FCPublish", 3.0, None, name))
        + _message(3, _COMMAND, 0, serialize_values("createStream", 4.0, None)),
        _message(4, _COMMAND, 1, serialize_values("publish", 5.0, None, name, "live")),
    ]


def media(seconds: float, *, with_video: bool = True) -> tuple[list[Send], int]:
    """Return what follows publish, by time, and how many audio frames are in it."""
    metadata = EcmaArray({"audiodatarate": 160.0, "videodatarate": 5000.0, "encoder": "obs-output"})
    body = serialize_values("@setDataFrame", "onMetaData", metadata)
    head = _message(_CHUNK_STREAM, _DATA, 1, body)
    head += _message(_CHUNK_STREAM, _AUDIO, 1, b"\xaf\x00" + _AUDIO_SPECIFIC_CONFIG)
    if with_video:
        head += _message(_CHUNK_STREAM, _VIDEO, 1, b"\x17\x00" + bytes(40))
    sends, frames, last_ms = [Send(0.0, (head,))], 0, 0
    for due, type_id, payload in heapq.merge(_audio(seconds), _video(seconds if with_video else 0)):
        timestamp_ms = round(due * 1000)
        sends.append(Send(due, tuple(_chunks(type_id, timestamp_ms - last_ms, payload))))
        last_ms = timestamp_ms
        frames += type_id == _AUDIO
    return sends, frames


def _audio(seconds: float) -> Iterator[tuple[float, int, bytes]]:
    interval = FRAME_SAMPLES / SAMPLE_RATE
    payload = b"\xaf\x01" + bytes(round(AUDIO_BITRATE * interval / 8))
    for count in range(round(seconds / interval)):
        yield count * interval, _AUDIO, payload


def _video(seconds: float) -> Iterator[tuple[float, int, bytes]]:
    frames = FRAMES_PER_SECOND * KEYFRAME_SECONDS
    small = VIDEO_BITRATE * KEYFRAME_SECONDS // 8 // (frames - 1 + KEYFRAME_FACTOR)
    for count in range(round(seconds * FRAMES_PER_SECOND)):
        size = small * KEYFRAME_FACTOR if count % frames == 0 else small
        head = b"\x17\x01" if count % frames == 0 else b"\x27\x01"
        yield count / FRAMES_PER_SECOND, _VIDEO, head + bytes(size)


def _chunks(type_id: int, delta_ms: int, payload: bytes) -> Iterator[bytes]:
    header = bytes((0x40 | _CHUNK_STREAM,)) + delta_ms.to_bytes(3, "big")
    header += len(payload).to_bytes(3, "big") + bytes((type_id,))
    for at in range(0, len(payload), CHUNK_SIZE):
        yield header + payload[at : at + CHUNK_SIZE]
        header = bytes((0xC0 | _CHUNK_STREAM,))


def _message(chunk_stream_id: int, type_id: int, stream_id: int, payload: bytes) -> bytes:
    """A message of one chunk, with timestamp 0; Set Chunk Size has come before all longer ones."""
    header = bytes((chunk_stream_id, 0, 0, 0)) + len(payload).to_bytes(3, "big")
    header += bytes((type_id,)) + stream_id.to_bytes(4, "little")
    assert len(payload) <= CHUNK_SIZE
    return header + payload
