import functools
import os
import struct
import subprocess
from pathlib import Path

import pytest

from awazpulse.audio import Codec, Track, UnsupportedAudio
from awazpulse.audio.aac import (
    CHANNELS,
    parse_adts_track,
    parse_audio_specific_config,
    serialize_audio_specific_config,
)
from awazpulse.audio.mpeg_audio import parse_track
from awazpulse.audio.reservoir import measure_side_info
from awazpulse.media import fallback as module
from awazpulse.media.errors import UnusableFile
from awazpulse.media.fallback import MAX_KEPT, MAX_TITLE_CHARACTERS, prepare, probe
from awazpulse.media.prepared import FallbackReel, PreparedFallback, load_prepared
from awazpulse.media.values import FallbackInfo

from .players import complaints_of_ffmpeg, complaints_of_mpg123, decode

MP3 = Track(Codec.MP3, 44_100, 2, 1152)
MP2 = Track(Codec.MP2, 44_100, 2, 1152)
AAC = parse_audio_specific_config(bytes.fromhex("1210"))
ENDINGS = {
    "mp3": ["-b:a", "192k"], "aac": [], "m4a": [], "flac": [], "wav": [],
    "ogg": ["-c:a", "libvorbis"], "opus": ["-c:a", "libopus"],
}  # fmt: skip
TAGS = ["-metadata", "artist=Ann", "-metadata", "title=Song"]


@functools.cache
def encoded(ending: str, seconds: float = 3, rate: int = 48_000, *options: str) -> bytes:
    """A file of a tone, as `ending` says."""
    source = f"sine=frequency=440:sample_rate={rate}:duration={seconds}"
    container = {"aac": "adts", "m4a": "ipod"}.get(ending, ending)
    output = Path(f"/tmp/awazpulse-test-{os.getpid()}.{ending}")
    command = ["ffmpeg", "-y", "-v", "error", "-f", "lavfi", "-i", source, "-ac", "2", *TAGS]
    command += [*ENDINGS[ending], *options, "-f", container, str(output)]
    subprocess.run(command, check=True)
    try:
        return output.read_bytes()
    finally:
        output.unlink()


def tone_file(directory: Path, ending: str = "mp3", seconds: float = 3, rate: int = 48_000) -> Path:
    file = directory / f"A tone.{ending}"
    file.write_bytes(encoded(ending, seconds, rate))
    return file


def container_of(track: Track) -> str:
    """The name by which ffmpeg reads a plain stream of these frames."""
    return "aac" if track.codec is Codec.AAC else "mp3"


def frames_of(prepared: PreparedFallback) -> list[bytes]:
    reel = FallbackReel(prepared)
    try:
        return [frame.data for frame in reel.take(10**6)]
    finally:
        reel.close()


@pytest.mark.parametrize("ending", ENDINGS)
def test_each_kind_of_file_is_known(ending: str, tmp_path: Path) -> None:
    info = probe(tone_file(tmp_path, ending))
    names = {"mp3": "mp3float", "m4a": "aac", "ogg": "vorbis", "wav": "pcm_s16le"}
    assert info.codec == names.get(ending, ending)
    assert info.duration_s == pytest.approx(3, abs=0.15)
    assert info.title == ("A tone" if ending == "aac" else "Ann - Song")


@pytest.mark.needs("ffmpeg", "mpg123")
@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("track", [MP3, MP2, AAC], ids=["mp3", "mp2", "aac"])
def test_each_kind_of_file_becomes_frames_that_play_round_and_round(
    ending: str, track: Track, tmp_path: Path
) -> None:
    prepared = prepare(tone_file(tmp_path, ending), track, 128, tmp_path / "out")
    frames = frames_of(prepared)
    assert prepared.track == track
    assert prepared.duration_s == pytest.approx(3, abs=0.1)
    assert sum(prepared.sizes) * 8 / prepared.duration_s == pytest.approx(128_000, rel=0.05)
    assert complaints_of_ffmpeg(b"".join(frames * 3), container_of(track)) == ""
    if track is not AAC:
        assert complaints_of_mpg123(b"".join(frames * 3), tmp_path) == ""
    if track is MP3:
        assert {measure_side_info(frame)[2] for frame in frames} == {0}


@pytest.mark.parametrize(
    "track",
    [
        *(Track(Codec.MP3, rate, channels, 1152 if rate >= 32_000 else 576)
          for rate in (48_000, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000) for channels in (1, 2)),
        *(Track(Codec.MP2, rate, channels, 1152)
          for rate in (48_000, 32_000, 24_000, 22_050, 16_000) for channels in (1, 2)),
        *(parse_audio_specific_config(serialize_audio_specific_config(2, index, 2)) for index in range(12)),
        *(parse_audio_specific_config(serialize_audio_specific_config(2, 4, configuration)) for configuration in CHANNELS),
        *(parse_audio_specific_config(serialize_audio_specific_config(object_type, 4, 2)) for object_type in (1, 4)),
        parse_audio_specific_config(bytes.fromhex("2b92080000")),  # HE-AAC
    ],
)  # fmt: skip
def test_every_track_gets_frames_that_are_its_own(track: Track, tmp_path: Path) -> None:
    prepared = prepare(tone_file(tmp_path, seconds=1), track, 64, tmp_path)
    frames = frames_of(prepared)
    if track.codec is not Codec.AAC:
        assert {parse_track(frame) for frame in frames} == {track}
    else:
        found = parse_adts_track(frames[0])
        assert (found.sample_rate, found.channels) == (track.sample_rate, track.channels)
        assert len({frame[:4] for frame in frames}) <= 2  # the length's first bits are there, too
    assert complaints_of_ffmpeg(b"".join(frames * 2), container_of(track)) == ""
    assert prepared.duration_s == pytest.approx(1, abs=0.16)


@pytest.mark.parametrize("track", [MP3, MP2, AAC], ids=["mp3", "mp2", "aac"])
@pytest.mark.parametrize("ending", ["mp3", "flac"])
def test_between_the_rounds_is_no_longer_gap_than_two_frames(
    track: Track, ending: str, tmp_path: Path
) -> None:
    frames = frames_of(prepare(tone_file(tmp_path, ending), track, 128, tmp_path))
    decoder = {MP3: "mp3float", MP2: "mp2float", AAC: "aac"}[track]
    left = [
        struct.unpack(f"<{track.frame_samples}f", samples[: 4 * track.frame_samples])
        for samples in decode(frames * 2, decoder)[5:-5]
    ]
    silent = longest = 0
    for sample in (abs(sample) for part in left for sample in part):
        silent = silent + 1 if sample < 0.002 else 0
        longest = max(longest, silent)
    assert longest < 2 * track.frame_samples


def test_a_track_that_nobody_encodes_is_an_error(tmp_path: Path) -> None:
    odd = Track(Codec.AAC, 44_100, 2, 1024, bytes.fromhex("1200"))  # channels of no standard order
    for track in (Track(Codec.MP3, 96_000, 2, 1152), odd):
        with pytest.raises(UnsupportedAudio):
            prepare(tone_file(tmp_path), track, 128, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["A tone.mp3"]


def test_what_is_there_is_not_made_again_and_a_change_makes_it_anew(tmp_path: Path) -> None:
    file, out = tone_file(tmp_path), tmp_path / "out"
    first = prepare(file, MP3, 128, out)
    written = first.path.stat().st_mtime_ns
    assert prepare(file, MP3, 128, out) == first
    assert first.path.stat().st_mtime_ns == written
    assert prepare(file, MP3, 96, out).path != first.path
    assert prepare(file, AAC, 128, out).path != first.path
    os.utime(file, ns=(1, 1))
    assert prepare(file, MP3, 128, out).path != first.path


def test_so_many_are_kept_and_of_one_more_the_one_that_was_used_longest_ago_goes(
    tmp_path: Path,
) -> None:
    file, out = tone_file(tmp_path, seconds=0.2), tmp_path / "out"
    bitrates = [32, 40, 48, 56, 64]
    made = []
    for age, bitrate in enumerate(bitrates[:MAX_KEPT]):
        made.append(prepare(file, MP3, bitrate, out).path)
        os.utime(made[-1].with_suffix(".json"), (1000 + age, 1000 + age))
    assert len([*out.iterdir()]) == 3 * MAX_KEPT
    prepare(file, MP3, bitrates[0], out)  # used again
    made.append(prepare(file, MP3, bitrates[MAX_KEPT], out).path)
    assert len([*out.iterdir()]) == 3 * MAX_KEPT
    assert [path.exists() for path in made] == [True, False, True, True, True]


def test_what_a_crash_has_left_is_removed_and_other_files_are_not(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for name in (".x.audio.part", "x.audio", "x.index", "other.txt"):
        (out / name).write_bytes(b"x")
    prepared = prepare(tone_file(tmp_path), MP3, 128, out)
    names = {prepared.path.with_suffix(suffix).name for suffix in (".audio", ".index", ".json")}
    assert {file.name for file in out.iterdir()} == names | {"other.txt"}


def test_one_that_is_not_whole_is_made_again(tmp_path: Path) -> None:
    file, out = tone_file(tmp_path), tmp_path / "out"
    first = prepare(file, MP3, 128, out)
    os.truncate(first.path, 100)
    assert prepare(file, MP3, 128, out) == load_prepared(first.path.with_suffix(".json"))
    assert first.path.stat().st_size > 100


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "_flush_to_disk", refuse)
    with pytest.raises(OSError, match="No space"):
        prepare(tone_file(tmp_path), MP3, 128, tmp_path / "out")
    assert not [*(tmp_path / "out").iterdir()]


def test_the_largest_file_is_taken_and_one_byte_more_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tone_file(tmp_path)
    monkeypatch.setattr(module, "MAX_FILE_BYTES", file.stat().st_size)
    probe(file)
    monkeypatch.setattr(module, "MAX_FILE_BYTES", file.stat().st_size - 1)
    with pytest.raises(UnusableFile, match="expected at most"):
        probe(file)


def test_the_longest_audio_is_taken_and_a_bit_more_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tone_file(tmp_path, "wav", 3)
    monkeypatch.setattr(module, "MAX_LENGTH_S", 3.0)
    assert probe(file).duration_s == 3.0
    monkeypatch.setattr(module, "MAX_LENGTH_S", 2.999)
    with pytest.raises(UnusableFile, match="hours"):
        probe(file)


def test_audio_that_turns_out_longer_than_the_file_said_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_LENGTH_S", 2.0)
    monkeypatch.setattr(module, "probe", lambda _: FallbackInfo("aac", 1.0, "lied"))
    with pytest.raises(UnusableFile, match="hours"):
        prepare(tone_file(tmp_path, "aac"), MP3, 128, tmp_path / "out")
    assert not [*(tmp_path / "out").iterdir()]


SCRIPTS = {
    "empty": b"",
    "text": b"This is no audio.\n" * 1000,
    "playlist": b"#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n%s\n#EXT-X-ENDLIST\n",
    "concat": b"ffconcat version 1.0\nfile '%s'\n",
    "zeros": bytes(100_000),
    "riff": b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\1\0\2\0",
    "ogg": b"OggS" + bytes(200),
}


@pytest.mark.parametrize("kind", SCRIPTS)
@pytest.mark.parametrize("ending", ["mp3", "m3u8", "wav"])
def test_what_is_no_audio_is_refused(kind: str, ending: str, tmp_path: Path) -> None:
    real = tone_file(tmp_path)
    file = tmp_path / f"hostile.{ending}"
    file.write_bytes(SCRIPTS[kind].replace(b"%s", str(real).encode()))
    for look in (probe, lambda path: prepare(path, MP3, 128, tmp_path / "out")):
        with pytest.raises(UnusableFile):
            look(file)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "missing", tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(UnusableFile):
            probe(path)
    with pytest.raises(UnusableFile):
        prepare(tmp_path / "missing", MP3, 128, tmp_path)


def test_a_video_is_refused_without_audio_and_its_audio_taken_otherwise(tmp_path: Path) -> None:
    file = tmp_path / "film.mp4"
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=duration=1:size=64x64"]
    subprocess.run([*command, str(file)], check=True)
    with pytest.raises(UnusableFile, match="without audio"):
        probe(file)
    file.unlink()
    subprocess.run([*command, "-f", "lavfi", "-i", "sine=duration=1", str(file)], check=True)
    assert prepare(file, MP3, 128, tmp_path / "out").duration_s == pytest.approx(1, abs=0.1)


def test_a_codec_that_is_not_on_the_list_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.wav"
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=duration=1", "-c:a", "adpcm_ms"]
    subprocess.run([*command, str(file)], check=True)
    with pytest.raises(UnusableFile, match="got adpcm_ms audio, expected MP3"):
        probe(file)


def wav(rate: int, channels: int, samples: bytes, tag: int = 1, bits: int = 16) -> bytes:
    block = channels * bits // 8
    header = struct.pack("<HHIIHH", tag, channels, rate, rate * block, block, bits)
    parts = b"WAVEfmt " + struct.pack("<I", 16) + header
    parts += b"data" + struct.pack("<I", len(samples)) + samples
    return b"RIFF" + struct.pack("<I", len(parts)) + parts


@pytest.mark.parametrize(("rate", "is_taken"), [(4000, True), (3999, False), (384_000, True), (384_001, False)])  # fmt: skip
def test_the_lowest_and_the_highest_rate_are_taken_and_one_past_is_not(
    rate: int, is_taken: bool, tmp_path: Path
) -> None:
    file = tmp_path / "x.wav"
    file.write_bytes(wav(rate, 1, bytes(2 * rate)))
    if is_taken:
        assert prepare(file, MP3, 64, tmp_path).duration_s == pytest.approx(1, abs=0.1)
    else:
        with pytest.raises(UnusableFile, match=f"got 1 channels at {rate} Hz"):
            probe(file)


@pytest.mark.parametrize("channels", [*range(1, 10)])
def test_eight_channels_are_taken_and_nine_are_not(channels: int, tmp_path: Path) -> None:
    file = tmp_path / "x.wav"
    file.write_bytes(wav(44_100, channels, bytes(44_100 * 2 * channels)))
    if channels <= 8:
        assert prepare(file, MP3, 64, tmp_path).duration_s == pytest.approx(1, abs=0.1)
    else:
        with pytest.raises(UnusableFile, match="got 9 channels"):
            probe(file)


@pytest.mark.parametrize("track", [MP3, MP2, AAC], ids=["mp3", "mp2", "aac"])
def test_floats_that_are_no_numbers_do_no_harm(track: Track, tmp_path: Path) -> None:
    samples = [float("nan"), float("inf"), -float("inf"), 1e38] * 20_000
    file = tmp_path / "x.wav"
    file.write_bytes(wav(44_100, 2, struct.pack(f"<{len(samples)}f", *samples), tag=3, bits=32))
    prepared = prepare(file, track, 128, tmp_path)
    assert complaints_of_ffmpeg(b"".join(frames_of(prepared)), container_of(track)) == ""


def test_a_file_whose_rate_changes_in_its_middle_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "x.aac"
    file.write_bytes(encoded("aac", 2, 48_000) + encoded("aac", 2, 22_050))
    assert prepare(file, MP3, 128, tmp_path).duration_s == pytest.approx(4, abs=0.3)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_damaged_file_is_taken_as_far_as_it_goes_or_refused(ending: str, tmp_path: Path) -> None:
    whole = encoded(ending)
    file = tmp_path / f"x.{ending}"
    broken = [whole[: len(whole) // 2], whole[: len(whole) // 3] + whole[len(whole) // 2 :]]
    broken += [whole[: len(whole) // 4] + bytes(5000) + whole[len(whole) // 4 :], whole[:100]]
    for data in broken:
        file.write_bytes(data)
        try:
            prepared = prepare(file, MP3, 128, tmp_path / "out")
        except UnusableFile:
            continue
        assert complaints_of_ffmpeg(b"".join(frames_of(prepared)), "mp3") == ""


@pytest.mark.parametrize(
    ("tags", "title"),
    [
        ({}, "file"),
        ({"title": "Song"}, "Song"),
        ({"TITLE": " A \n song ", "ARTIST": "An\tartist"}, "An artist - A song"),
        ({"artist": "Ann"}, "file"),
        ({"title": "A\x00\x1b[31mB"}, "A[31mB"),
        ({"title": "x" * MAX_TITLE_CHARACTERS}, "x" * MAX_TITLE_CHARACTERS),
        ({"title": "x" * (MAX_TITLE_CHARACTERS + 1)}, "x" * MAX_TITLE_CHARACTERS),
    ],
)
def test_the_title_is_artist_and_title_or_the_files_name(tags: dict[str, str], title: str) -> None:
    assert module._title_of(Path("/x/file.mp3"), tags) == title
