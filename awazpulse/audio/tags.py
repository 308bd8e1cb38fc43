"""Measures the tags of music files, which players of files leave between frames. No I/O.

ID3v1 with its enhanced part (`TAG+`); ID3v2 (ID3v2.4.0 structure §3.1 and §3.4); APEv1 and APEv2 with
or without header and footer. A tag's length is what it says itself, which may be a lie. Lyrics3 tells none
in front: it is text of a few kilobytes, which goes as junk.

Contract of the `measure_` functions: they return the bytes of what stands at `at`, 0 if it is nothing
of the kind, or None if that cannot be told before more data comes.
"""

import re

_ID3V1_BYTES, _ID3V1_ENHANCED_BYTES = 128, 227
_ID3V2_HEADER_BYTES = 10
_ID3V2_HAS_FOOTER = 0x10
_APE_HEADER_BYTES = 32  # the footer has as many
_APE_IS_HEADER = 1 << 29

# An item of an APE tag: length of the value, flags (the low three bits alone), key, NUL, value.
_APE_ITEM = re.compile(rb"([\s\S]{4})[\0-\x07]\0{3}[ -~]{2,255}\0")
_APE_ITEM_BEGINNING = re.compile(rb"[\s\S]{0,4}|[\s\S]{4}[\0-\x07](?:\0{0,2}|\0{3}[ -~]{0,255})")
_APE_ITEM_HEADER_BYTES = 8 + 256


def _measure_id3v1(head: bytes) -> int:
    return _ID3V1_ENHANCED_BYTES if head == b"TAG+" else _ID3V1_BYTES


def _measure_id3v2(head: bytes) -> int:
    version, revision, flags = head[3:6]
    if not 2 <= version <= 4 or revision == 0xFF:
        return 0
    sizes = head[6:]
    bits = 7 if max(sizes) < 0x80 else 8  # four times seven, but some taggers write a plain number
    size = 0
    for byte in sizes:
        size = size << bits | byte
    return _ID3V2_HEADER_BYTES * (2 if flags & _ID3V2_HAS_FOOTER else 1) + size


def _measure_ape(head: bytes) -> int:
    """Measure from the header on; a footer has the tag behind it."""
    is_header = int.from_bytes(head[20:24], "little") & _APE_IS_HEADER
    return _APE_HEADER_BYTES + (int.from_bytes(head[12:16], "little") if is_header else 0)


_KINDS = (
    (b"TAG", 4, _measure_id3v1),
    (b"ID3", _ID3V2_HEADER_BYTES, _measure_id3v2),
    (b"APETAGEX", _APE_HEADER_BYTES, _measure_ape),
)
MARKS = tuple(mark for mark, _, _ in _KINDS)  # what each begins with


def measure_tag(data: bytes, at: int) -> int | None:
    """Measure a tag that begins with its mark."""
    for mark, header_bytes, measure in _KINDS:
        head = data[at : at + header_bytes]
        if head.startswith(mark) or mark.startswith(head):
            return measure(head) if len(head) == header_bytes else None
    return 0


def measure_ape_item(data: bytes, at: int) -> int | None:
    """Measure an item of an APE tag that has no header."""
    head = data[at : at + _APE_ITEM_HEADER_BYTES]
    item = _APE_ITEM.match(head)
    if item is not None:
        return item.end() + int.from_bytes(item[1], "little")
    return None if _APE_ITEM_BEGINNING.fullmatch(head) else 0
