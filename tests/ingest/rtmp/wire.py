"""What an encoder sends, put together by hand: no code of the server takes part."""

import struct

AAC_CONFIG = bytes((0x12, 0x10))  # AAC-LC, 44.1 kHz, stereo
AUDIO, VIDEO, DATA, COMMAND, AGGREGATE = 8, 9, 18, 20, 22


def basic_header(chunk_type: int, chunk_stream_id: int) -> bytes:
    if chunk_stream_id < 64:
        return bytes((chunk_type << 6 | chunk_stream_id,))
    if chunk_stream_id < 320:
        return bytes((chunk_type << 6, chunk_stream_id - 64))
    return bytes((chunk_type << 6 | 1,)) + (chunk_stream_id - 64).to_bytes(2, "little")


def chunk(
    chunk_type: int,
    chunk_stream_id: int,
    payload: bytes,
    *,
    time: int = 0,
    length: int | None = None,
    type_id: int = AUDIO,
    stream_id: int = 1,
    extended: bytes | None = None,
) -> bytes:
    """One chunk; `time` is its timestamp or delta, `extended` overrides the extended timestamp."""
    if extended is None:
        extended = time.to_bytes(4, "big") if time >= 0xFFFFFF and chunk_type < 3 else b""
    length = len(payload) if length is None else length
    header = min(time, 0xFFFFFF).to_bytes(3, "big") + length.to_bytes(3, "big")
    header += bytes((type_id,)) + stream_id.to_bytes(4, "little")
    size = (11, 7, 3, 0)[chunk_type]
    return basic_header(chunk_type, chunk_stream_id) + header[:size] + extended + payload


def message(
    type_id: int,
    payload: bytes,
    *,
    chunk_stream_id: int = 4,
    time: int = 0,
    stream_id: int = 1,
    chunk_size: int = 128,
) -> bytes:
    """A whole message: a type-0 chunk, then type-3 chunks."""
    data = chunk(
        0,
        chunk_stream_id,
        payload[:chunk_size],
        time=time,
        length=len(payload),
        type_id=type_id,
        stream_id=stream_id,
    )
    for at in range(chunk_size, len(payload), chunk_size):
        data += chunk(3, chunk_stream_id, payload[at : at + chunk_size])
    return data


def control(type_id: int, value: int) -> bytes:
    return chunk(0, 2, value.to_bytes(4, "big"), type_id=type_id, stream_id=0)


def string(text: str) -> bytes:
    return b"\x02" + _utf8(text)


def number(value: float) -> bytes:
    return b"\x00" + struct.pack(">d", value)


def pairs(**fields: str | float) -> bytes:
    body = b""
    for name, value in fields.items():
        body += _utf8(name) + (string(value) if isinstance(value, str) else number(value))
    return body + b"\x00\x00\x09"


def amf_object(**fields: str | float) -> bytes:
    return b"\x03" + pairs(**fields)


def ecma_array(declared: int, **fields: str | float) -> bytes:
    return b"\x08" + declared.to_bytes(4, "big") + pairs(**fields)


NULL = b"\x05"


def command(name: str, transaction_id: float, *values: bytes, stream_id: int = 0) -> bytes:
    body = string(name) + number(transaction_id) + b"".join(values)
    return message(COMMAND, body, chunk_stream_id=3, stream_id=stream_id)


def handshake() -> bytes:
    return b"\x03" + bytes(range(256)) * 12


def connect(app: str = "live") -> bytes:
    fields = amf_object(app=app, type="nonprivate", flashVer="FMLE/3.0 (compatible; FMSc/1.0)")
    return command("connect", 1, fields)


def publish(name: str = "demo?key=0PENSESAME", stream_id: int = 1) -> bytes:
    return command("publish", 5, NULL, string(name), string("live"), stream_id=stream_id)


def before_publish(app: str = "live") -> bytes:
    """Everything that OBS sends up to createStream."""
    return (
        handshake()
        + connect(app)
        + command("releaseStream", 2, NULL, string("demo"))
        + command("FCPublish", 3, NULL, string("demo"))
        + command("createStream", 4, NULL)
    )


def opening(name: str = "demo?key=0PENSESAME", app: str = "live") -> bytes:
    """Everything that OBS sends up to publish, which it does not send in one piece."""
    return before_publish(app) + publish(name)


def aac_config(time: int = 0) -> bytes:
    return message(AUDIO, b"\xaf\x00" + AAC_CONFIG, time=time)


def aac_frame(access_unit: bytes, time: int = 0) -> bytes:
    return message(AUDIO, b"\xaf\x01" + access_unit, time=time)


def adts(
    access_unit: bytes,
    *,
    rate_index: int = 4,
    channels: int = 2,
    crc: bool = False,
    mpeg_2: bool = False,
    blocks: int = 1,
) -> bytes:
    """An access unit under an ADTS header, of AAC-LC; that of `AAC_CONFIG` by default."""
    size = len(access_unit) + (9 if crc else 7)
    bits = (0xFFF0 | mpeg_2 << 3 | (not crc)) << 40
    bits |= 1 << 38 | rate_index << 34 | channels << 30 | size << 13 | 0x7FF << 2 | blocks - 1
    return bits.to_bytes(7, "big") + (b"\x12\x34" if crc else b"") + access_unit


def _utf8(text: str) -> bytes:
    encoded = text.encode()
    return len(encoded).to_bytes(2, "big") + encoded
