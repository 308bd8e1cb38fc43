import pytest

from awazpulse.audio import Frame, FrameRun, join_frames, measure_frames

SIZES = [417, 418, 418, 417]


def make_run(data: bytes, sizes: list[int] = SIZES) -> FrameRun:
    return FrameRun(
        data,
        sizes,
        samples=1152,
        header_bytes=0,
        base_ms=5000,
        samples_before=10 * 1152,
        sample_rate=44_100,
    )


def test_a_run_is_the_sequence_of_its_frames() -> None:
    pieces = [bytes([n]) * size for n, size in enumerate(SIZES)]
    run = make_run(b"".join(pieces))
    frames = [Frame(5000 + (10 + n) * 1_152_000 // 44_100, 1152, p) for n, p in enumerate(pieces)]
    assert list(run) == frames
    assert [run[0], run[-1], *run[1:3]] == [frames[0], frames[-1], *frames[1:3]]
    assert len(run) == 4
    with pytest.raises(IndexError):
        run[4]


def test_a_run_is_joined_and_counted_as_its_frames_are() -> None:
    run = make_run(bytes(range(256)) * 6 + bytes(134))
    frames = list(run)
    data, sizes = join_frames(frames)
    assert join_frames(run) == (data, list(sizes))
    assert data == run.data
    assert measure_frames(run) == measure_frames(frames) == (1670, 4 * 1152)
