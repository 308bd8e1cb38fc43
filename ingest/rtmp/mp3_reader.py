"""MP3 as RTMP messages carry it, to a track and frames. No I/O.

Normally a message holds whole frames, and its timestamp is that of the first. Some encoders cut
their audio anywhere; their frames are put together, and timed from the first message on.
"""

from collections.abc import Iterator

from awazpulse.audio import Frame, Track
from awazpulse.audio.mpeg_audio import HEADER_BYTES, mp3_splitter, parse_header, parse_track
from awazpulse.audio.splitter import FrameSplitter

_NO_FRAME = "got MP3 audio in which no frame can be found; set the encoder to AAC"


class Mp3Reader:
    """Reads MP3 messages that follow one another, with no other codec between them.

    `unplayable` says why nothing can be played of what has come so far; empty when something can.
    """

    def __init__(self) -> None:
        self.unplayable = ""
        self._has_found_frames = False
        self._identity: int | None = None
        self._sample_rate = 1
        self._splitter: FrameSplitter | None = None
        self._splitter_base_ms = 0

    def receive(self, body: bytes, start_ms: int) -> list[Track | Frame]:
        """Return what a message completes; the track comes before its first frame."""
        if self._splitter is None:
            headers = list(_walk(body))
            if sum(size for _, size, _ in headers) == len(body):
                return self._make_frames(body, headers, start_ms)
            # This encoder cuts its audio anywhere. All that follows is treated the same way.
            self._splitter = mp3_splitter()
            self._splitter_base_ms = start_ms
        return self._split(self._splitter, body)

    def _split(self, splitter: FrameSplitter, body: bytes) -> list[Track | Frame]:
        events: list[Track | Frame] = []
        for event in splitter.receive_data(body):
            if isinstance(event, Track):
                events.append(event)
                continue
            for frame in event:
                frame.timestamp_ms += self._splitter_base_ms
                events.append(frame)
        self._has_found_frames = self._has_found_frames or bool(events)
        self.unplayable = "" if self._has_found_frames else _NO_FRAME
        return events

    def _make_frames(
        self, body: bytes, headers: list[tuple[int, int, int]], start_ms: int
    ) -> list[Track | Frame]:
        events: list[Track | Frame] = []
        at = samples_before = 0
        for identity, size, samples in headers:
            data = body[at : at + size]
            if identity != self._identity:
                track = parse_track(data)
                self._identity, self._sample_rate = identity, track.sample_rate
                self._has_found_frames = True
                events.append(track)
            timestamp_ms = start_ms + samples_before * 1000 // self._sample_rate
            events.append(Frame(timestamp_ms, samples, data))
            at += size
            samples_before += samples
        return events


def _walk(body: bytes) -> Iterator[tuple[int, int, int]]:
    """Return identity, size and samples of the frames that stand end to end from the start."""
    at = 0
    while at + HEADER_BYTES <= len(body):
        header = parse_header(body, at)
        if header is None:
            return
        yield header.identity, header.size, header.samples
        at += header.size
