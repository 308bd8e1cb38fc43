from pathlib import Path

import pytest

from awazpulse.audio.reservoir import ReservoirSeam, compute_crc, measure_side_info
from awazpulse.media.silence import encode_silence
from tests.audio import encode_tone, split_frames
from tests.awazpulse.media.players import (
    complaints_of_ffmpeg,
    complaints_of_mpg123,
    decode,
    encode_noise,
    track_of,
)

# Rate, channels, bitrate: bodies much larger than what can be referred to, and much smaller.
STREAMS = [(44_100, 2, 128), (48_000, 2, 320), (44_100, 1, 32), (24_000, 1, 24), (16_000, 2, 16), (8_000, 1, 8)]  # fmt: skip
FRAMES = 60
BEHIND = 16  # frames that are played behind each cut


def reservoir_stream(rate: int, channels: int, bitrate_kbps: int) -> list[bytes]:
    data = encode_noise("mp3", 3.5, sample_rate=rate, channels=channels, bitrate_kbps=bitrate_kbps)
    return split_frames(data, "mp3")[:FRAMES]


def cut(frames: list[bytes], at: int) -> tuple[list[bytes], int]:
    """Return what is played behind a seam before frame `at`, and how many of it were muted."""
    seam = ReservoirSeam()
    mended = [seam.mend(frame) for frame in frames[at : at + BEHIND]]
    return mended, sum(new != old for new, old in zip(mended, frames[at:], strict=False))


@pytest.mark.needs("ffmpeg", "mpg123")
@pytest.mark.parametrize(("rate", "channels", "bitrate_kbps"), STREAMS)
def test_players_hear_no_fault_wherever_a_stream_is_cut(
    rate: int, channels: int, bitrate_kbps: int, tmp_path: Path
) -> None:
    frames = reservoir_stream(rate, channels, bitrate_kbps)
    silence = encode_silence(track_of(b"".join(frames), "mp3"), bitrate_kbps)
    played: list[bytes] = []
    unmended: list[bytes] = []
    for at in range(FRAMES - BEHIND):
        played += [silence, silence, *cut(frames, at)[0]]
        unmended += [silence, silence, *frames[at : at + BEHIND]]
    assert complaints_of_ffmpeg(b"".join(played), "mp3") == ""
    assert complaints_of_mpg123(b"".join(played), tmp_path) == ""
    assert complaints_of_mpg123(b"".join(unmended), tmp_path) != ""


@pytest.mark.parametrize(("rate", "channels", "bitrate_kbps"), STREAMS)
def test_behind_what_is_muted_and_one_frame_of_overlap_every_bit_is_as_without_the_cut(
    rate: int, channels: int, bitrate_kbps: int
) -> None:
    frames = reservoir_stream(rate, channels, bitrate_kbps)
    silence = encode_silence(track_of(b"".join(frames), "mp3"), bitrate_kbps)
    whole = decode(frames, "mp3float")
    most = 0
    for at in range(FRAMES - BEHIND):
        mended, muted = cut(frames, at)
        most = max(most, muted)
        decoded = decode([silence, *mended], "mp3float")[1:]
        assert not any(any(samples) for samples in decoded[:muted])
        assert decoded[muted + 2 :] == whole[at + muted + 2 : at + BEHIND]
    assert 1 <= most <= BEHIND - 4


@pytest.mark.parametrize(("rate", "channels", "bitrate_kbps"), STREAMS)
def test_once_a_frame_is_satisfied_all_later_ones_are(
    rate: int, channels: int, bitrate_kbps: int
) -> None:
    frames = reservoir_stream(rate, channels, bitrate_kbps)
    for at in range(len(frames)):
        seam, available = ReservoirSeam(), 0
        for frame in frames[at:]:
            _, end, main_data_begin = measure_side_info(frame)
            seam.mend(frame)
            assert seam.is_done == (main_data_begin <= available)
            available += len(frame) - end


def test_a_stream_that_begins_with_a_whole_frame_is_not_touched() -> None:
    seam = ReservoirSeam()
    first, *_ = split_frames(encode_tone("mp3", 1), "mp3")
    assert not seam.is_done
    assert seam.mend(first) is first
    assert seam.is_done


def test_a_frame_that_is_satisfied_to_the_byte_is_not_muted_and_one_byte_less_is() -> None:
    frame = bytes.fromhex("fffb9000").ljust(417, b"\1")
    body = len(frame) - 36
    refers = {
        main_data_begin: frame[:4] + (main_data_begin << 7).to_bytes(2, "big") + frame[6:]
        for main_data_begin in (1, body, body + 1)
    }
    for main_data_begin, is_done in ((body, True), (body + 1, False)):
        seam = ReservoirSeam()
        assert seam.mend(refers[1]) == refers[1][:4] + bytes(32) + refers[1][36:]
        assert (seam.mend(refers[main_data_begin]) == refers[main_data_begin]) == is_done
        assert seam.is_done == is_done


@pytest.mark.parametrize("header", ["fffa9000", "fffa90c0", "fff29000", "ffe290c0"])
def test_a_muted_frame_keeps_its_size_and_its_crc_is_right(header: str) -> None:
    frame = bytes.fromhex(header).ljust(200, b"\xaa")
    seam = ReservoirSeam()
    muted = seam.mend(frame)
    begin, end, main_data_begin = measure_side_info(muted)
    assert begin == 6
    assert (len(muted), main_data_begin, seam.is_done) == (200, 0, False)
    assert muted[:4] == frame[:4]
    assert muted[end:] == frame[end:]
    assert int.from_bytes(muted[4:6], "big") == compute_crc(muted[2:4] + muted[6:end])
    _, _, of_second = measure_side_info(seam.mend(frame))
    assert of_second == min(200 - end, measure_side_info(frame)[2])


def test_ffmpeg_finds_the_crc_of_a_muted_frame_right() -> None:
    frame = bytes.fromhex("fffa9000") + b"\xff" * 413
    right = ReservoirSeam().mend(frame)
    wrong = right[:4] + bytes(2) + right[6:]
    check = ("-err_detect", "crccheck+explode")
    assert complaints_of_ffmpeg(right * 4, "mp3", *check) == ""
    assert "CRC" in complaints_of_ffmpeg(wrong * 4, "mp3", *check)


@pytest.mark.parametrize("frame", [b"", b"\xff\xfb\x90", b"\xff\xfb\x90\x00\xff\xff", b"\xff\xfb\x90\x00" + bytes(31)])  # fmt: skip
def test_a_frame_too_short_for_its_side_information_is_not_touched(frame: bytes) -> None:
    seam = ReservoirSeam()
    assert seam.mend(frame) is frame
    assert not seam.is_done
