import io
import itertools
import subprocess
from dataclasses import replace
from pathlib import Path

import av
import pytest

from awazpulse.audio import Frame, Track
from hls.errors import MuxFailed
from hls.mpegts import PACKET_BYTES, TsMuxer
from hls.segmenter import FIRST_PTS, Cut, Segmenter
from tests.hls.workbench import packets_of, tone

PAT, SDT, PMT = 0, 17, 4096
PIDS = {"aac": 256, "mp3": 257, "mp2": 258}
AAC, MP3 = PIDS["aac"], PIDS["mp3"]
TRACKS = [
    ("aac", 44_100, 2, 128),
    ("aac", 48_000, 2, 320),
    ("aac", 22_050, 1, 32),
    ("mp3", 44_100, 2, 128),
    ("mp3", 48_000, 2, 320),
    ("mp3", 22_050, 1, 32),
    ("mp2", 48_000, 2, 192),
    ("mp2", 22_050, 1, 64),
]
RAW = {
    "aac": ("-f", "adts"),
    "mp3": ("-write_xing", "0", "-id3v2_version", "0", "-f", "mp3"),
    "mp2": ("-f", "mp2"),
}


def cut_all(track: Track, frames: list[Frame], first_pts: int = FIRST_PTS) -> list[Cut]:
    segmenter = Segmenter(first_pts=first_pts, max_segment_bytes=1024 * 1024)
    segmenter.set_track(track)
    cuts = [*segmenter.push(frames, 0.0), segmenter.flush()]
    return [cut for cut in cuts if cut is not None]


def demux(data: bytes) -> tuple[list[bytes], list[int]]:
    """Frames and PTS, with packets parsed as a player does."""
    with av.open(io.BytesIO(data), "r", format="mpegts") as container:
        assert [stream.type for stream in container.streams] == ["audio"]
        packets = [packet for packet in container.demux(audio=0) if packet.size]
    return [bytes(packet) for packet in packets], [packet.pts or 0 for packet in packets]


def packet_of(data: bytes, pid: int) -> bytes:
    for at in range(0, len(data), PACKET_BYTES):
        packet = data[at : at + PACKET_BYTES]
        if (packet[1] & 0x1F) << 8 | packet[2] == pid:
            return packet
    raise AssertionError(f"no packet with PID {pid}")


def streams_of(data: bytes) -> list[tuple[int, int]]:
    """Stream type and PID of each stream in the PMT, and its version checked to be valid."""
    section = packet_of(data, PMT)[5:]
    length = (section[1] & 0xF) << 8 | section[2]
    at = 12 + ((section[10] & 0xF) << 8 | section[11])
    streams = []
    while at < 3 + length - 4:
        streams.append((section[at], (section[at + 1] & 0x1F) << 8 | section[at + 2]))
        at += 5 + ((section[at + 3] & 0xF) << 8 | section[at + 4])
    return streams


def version_of(data: bytes) -> int:
    return packet_of(data, PMT)[5 + 5] >> 1 & 0x1F


@pytest.mark.parametrize(("codec", "rate", "channels", "kbps"), TRACKS)
def test_frames_come_out_of_the_joined_segments_as_they_went_in(
    codec: str, rate: int, channels: int, kbps: int, tmp_path: Path
) -> None:
    track, frames = tone(codec, 7, sample_rate=rate, channels=channels, bitrate_kbps=kbps)
    muxer = TsMuxer("demo")
    data = b"".join(muxer.mux(cut) for cut in cut_all(track, frames))
    demuxed, pts = demux(data)
    assert demuxed == [frame.data for frame in frames]
    expected = [FIRST_PTS + n * track.frame_samples * 90_000 // rate for n in range(len(frames))]
    assert all(abs(got - want) <= 1 for got, want in zip(pts, expected, strict=True))
    # ffmpeg says nothing of continuity or timestamps, and copies the same bytes.
    source = tmp_path / "joined.ts"
    source.write_bytes(data)
    copied = subprocess.run(
        ["ffmpeg", "-v", "warning", "-i", source, "-c", "copy", *RAW[codec], "-"],
        capture_output=True,
        check=True,
    )
    assert copied.stderr == b""
    assert copied.stdout == b"".join(frame.data for frame in frames)


def test_continuity_counters_go_on_from_segment_to_segment() -> None:
    muxer = TsMuxer("demo")
    cuts = cut_all(*tone("aac", 30))
    packets = packets_of(b"".join(muxer.mux(cut) for cut in cuts))
    last: dict[int, int] = {}
    for pid, counter in packets:
        assert counter == (last.get(pid, 15) + 1) % 16
        last[pid] = counter
    assert set(last) == {PAT, SDT, PMT, AAC}


@pytest.mark.parametrize(("codec", "rate", "stream_type"), [
    ("aac", 44_100, 0x0F), ("mp3", 44_100, 0x03), ("mp3", 22_050, 0x04),
    ("mp2", 48_000, 0x03), ("mp2", 24_000, 0x04),
])  # fmt: skip
def test_each_segment_begins_with_tables_that_name_one_audio_stream(
    codec: str, rate: int, stream_type: int
) -> None:
    muxer = TsMuxer("demo")
    for cut in cut_all(*tone(codec, 5, sample_rate=rate)):
        data = muxer.mux(cut)
        assert [pid for pid, _ in packets_of(data)[:3]] == [SDT, PAT, PMT]
        assert streams_of(data) == [(stream_type, PIDS[codec])]


def test_the_overhead_at_128_kbit_s_is_under_12_percent() -> None:
    for codec in ("aac", "mp3"):
        cut = cut_all(*tone(codec, 3))[0]
        assert len(TsMuxer("demo").mux(cut)) < 1.12 * cut.size_bytes


def test_pts_wraps_at_33_bits_and_the_joined_segments_still_play() -> None:
    track, frames = tone("aac", 9)
    muxer = TsMuxer("demo")
    segments = [muxer.mux(cut) for cut in cut_all(track, frames, (1 << 33) - 3 * 90_000)]
    demuxed, pts = demux(b"".join(segments))
    assert demuxed == [frame.data for frame in frames]
    assert all(2089 <= after - before <= 2091 for before, after in itertools.pairwise(pts))
    last = demux(segments[-1])[1]
    assert 4 * 90_000 < last[0] < 6 * 90_000  # past the wrap, it counts from 0 again


def test_another_track_raises_the_version_of_the_tables_and_another_codec_has_its_own_pid() -> None:
    muxer = TsMuxer("demo")
    aac, mp3 = cut_all(*tone("aac", 3)), cut_all(*tone("mp3", 3))
    segments = [muxer.mux(cut) for cut in (aac[0], aac[1], mp3[0], mp3[1], aac[0])]
    assert [version_of(segment) for segment in segments] == [0, 0, 1, 1, 2]
    assert [streams_of(segment)[0][1] for segment in segments] == [AAC, AAC, MP3, MP3, AAC]


def test_the_version_of_the_tables_wraps_at_32() -> None:
    muxer = TsMuxer("demo")
    aac, mp3 = cut_all(*tone("aac", 3))[0], cut_all(*tone("mp3", 3))[0]
    versions = [version_of(muxer.mux(mp3 if n % 2 else aac)) for n in range(34)]
    assert versions == [n % 32 for n in range(34)]


def test_what_libav_refuses_is_one_error_without_noise_and_changes_nothing(
    capfd: pytest.CaptureFixture[str],
) -> None:
    good = cut_all(*tone("aac", 3))
    back = [Frame(0, -1024, frame.data) for frame in good[0].frames]  # time runs backwards
    bad = replace(good[0], frames=tuple(back))
    muxer, untouched = TsMuxer("demo"), TsMuxer("demo")
    assert muxer.mux(good[0]) == untouched.mux(good[0])
    with pytest.raises(MuxFailed, match="aac does not go into MPEG-TS"):
        muxer.mux(bad)
    assert muxer.mux(good[1]) == untouched.mux(good[1])
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("codec", ["aac", "mp3", "mp2"])
def test_a_minute_of_audio_has_a_minutes_samples(codec: str, tmp_path: Path) -> None:
    track, frames = tone(codec, 60)
    muxer = TsMuxer("demo")
    joined = tmp_path / "minute.ts"
    joined.write_bytes(b"".join(muxer.mux(cut) for cut in cut_all(track, frames)))
    decoded = subprocess.run(
        ["ffmpeg", "-v", "warning", "-i", joined, "-f", "s16le", "-"],
        capture_output=True,
        check=True,
    )
    assert decoded.stderr == b""
    # 16 bits, two channels. A decoder keeps back at most two frames of its own delay.
    missing = len(frames) * track.frame_samples - len(decoded.stdout) // 4
    assert 0 <= missing <= 2 * track.frame_samples
