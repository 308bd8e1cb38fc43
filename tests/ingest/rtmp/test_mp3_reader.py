import pytest

from awazpulse.audio import Codec, Frame, Track
from ingest.rtmp.mp3_reader import Mp3Reader

FRAME = bytes((0xFF, 0xFB, 0x90, 0x00)) + bytes(413)  # 128 kbit/s, 44.1 kHz, stereo
TRACK = Track(Codec.MP3, 44100, 2, 1152)


def _pieces(stream: bytes, size: int) -> list[bytes]:
    return [stream[at : at + size] for at in range(0, len(stream), size)]


def test_whole_frames_keep_the_times_of_their_messages() -> None:
    reader = Mp3Reader()
    assert reader.receive(FRAME, 7) == [TRACK, Frame(7, 1152, FRAME)]
    assert reader.receive(FRAME * 2, 40) == [Frame(40, 1152, FRAME), Frame(66, 1152, FRAME)]


@pytest.mark.parametrize("size", [1, 100, 300, 416, 418, 1000])
def test_frames_that_are_cut_anywhere_are_put_together(size: int) -> None:
    reader = Mp3Reader()
    events = [e for piece in _pieces(FRAME * 5, size) for e in reader.receive(piece, 1000)]
    assert events == [
        TRACK,
        *(Frame(1000 + 1152 * n * 1000 // 44100, 1152, FRAME) for n in range(5)),
    ]


def test_it_says_that_nothing_can_be_played_until_the_first_frame_and_never_after() -> None:
    reader = Mp3Reader()
    said = []
    for piece in _pieces(bytes(100) + FRAME * 3 + bytes(1000), 100):
        reader.receive(piece, 0)
        said.append(bool(reader.unplayable))
    found = said.index(False)
    assert found > 4
    assert not any(said[found:])
    reader = Mp3Reader()
    reader.receive(FRAME, 0)
    reader.receive(bytes(100), 0)
    assert not reader.unplayable
