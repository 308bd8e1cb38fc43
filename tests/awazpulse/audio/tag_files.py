"""Makes the tags of music files."""

import random

HEADER, NO_FOOTER = 1 << 29, 1 << 30


def picture(size: int) -> bytes:
    """Return evenly spread bytes, as in a compressed picture."""
    return b"\xff\xd8\xff\xe0\0\x10JFIF\0" + random.Random(size).randbytes(size)


def id3v1(*, enhanced: bool = False) -> bytes:
    return (b"TAG+".ljust(227, b"\xff") if enhanced else b"") + b"TAG".ljust(128, b"\xff")


def id3v2(
    body: bytes, *, declared: int | None = None, footer: bool = False, version: int = 4
) -> bytes:
    size = len(body) if declared is None else declared
    flags = 0x10 if footer else 0
    head = bytes([version, 0, flags, *(size >> shift & 0x7F for shift in (21, 14, 7, 0))])
    return b"ID3" + head + body + (b"3DI" + head if footer else b"")


def ape_item(key: bytes, value: bytes) -> bytes:
    return len(value).to_bytes(4, "little") + b"\2\0\0\0" + key + b"\0" + value


def ape(
    *items: bytes,
    version: int = 2000,
    header: bool = True,
    footer: bool = True,
    declared: int | None = None,
) -> bytes:
    body = b"".join(items)
    size = len(body) + (32 if footer else 0) if declared is None else declared

    def block(flags: int) -> bytes:
        numbers = (version, size, len(items), flags)
        return b"APETAGEX" + b"".join(n.to_bytes(4, "little") for n in numbers) + bytes(8)

    flags = (0 if footer else NO_FOOTER) | (1 << 31 if header else 0)
    return (block(flags | HEADER) if header else b"") + body + (block(flags) if footer else b"")


def lyrics3(size: int) -> bytes:
    text = b"LYRICSBEGININD0000200LYR" + b"%05d" % size + (b"Ta lala lala\r\n" * size)[:size]
    return text + b"%06dLYRICS200" % len(text)
