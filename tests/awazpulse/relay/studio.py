"""What the tests of a channel on air share: a source, a delivery and stand-ins that write down what happens."""

from collections.abc import Callable, Sequence

from awazpulse.audio import Codec, Frame, Track
from awazpulse.relay import Broadcast, End, EndReason, Input, Station, Title
from awazpulse.relay.life import AirChange, AirPolicy, AirState
from awazpulse.relay.stand_in import NoStandIns, Reel, Sound, StandIns

TRACK = Track(Codec.MP3, 48_000, 2, 1152)
OTHER_RATE = Track(Codec.MP3, 24_000, 1, 576)
AAC = Track(Codec.AAC, 48_000, 2, 1024, b"\x11\x90")
FRAME_S = 0.024  # of the two of MP3
LEFT = End(EndReason.DISCONNECTED)
STOPPED = End(EndReason.STOPPED)
TICK_S = 0.05
# Of a frame of MPEG-1 Layer III in stereo, whose side information says that it needs no other frame.
HEAD = b"\xff\xfb\x94\x00" + bytes(32)


def make_frames(count: int, kind: str = "source", track: Track = TRACK) -> list[Frame]:
    """Frames that say what they are."""
    return [Frame(0, track.frame_samples, HEAD + kind.encode()) for _ in range(count)]


def nothing() -> None: ...


class FakeSource:
    """An encoder; `on_pull` and `on_close` say what it does when it is asked, and when it is cut off."""

    is_gone = False

    def __init__(
        self, on_pull: Callable[[], None] = nothing, on_close: Callable[[], None] = nothing
    ) -> None:
        self.on_pull = on_pull
        self.on_close = on_close
        self.pulls = 0
        self.closed: list[End] = []

    def close(self, end: End) -> None:
        self.closed.append(end)
        self.on_close()

    def pull(self) -> None:
        self.pulls += 1
        self.on_pull()


class Ear:
    """A delivery that writes down what it is told; `on_told(what)` is called with each, at once.

    What must never happen is written into `faults`, for the outlet takes what a delivery raises.
    """

    def __init__(self, on_told: Callable[[str], None] = lambda _what: None) -> None:
        self.log: list[str] = []
        self.faults: list[str] = []
        self.seconds: dict[str, float] = {}  # of each kind of frame
        self.on_told = on_told
        self._track: Track | None = None
        self.is_closed = False

    @property
    def story(self) -> list[str]:
        """What was told, the same kind of frames again and again as one."""
        return [
            what
            for i, what in enumerate(self.log)
            if i == 0 or what != self.log[i - 1] or " " in what
        ]

    def on_track(self, track: Track) -> None:
        self._track = track
        self._note(f"track {track.codec} {track.sample_rate}")

    def on_break(self) -> None:
        self._note("break .")

    def on_frames(self, frames: Sequence[Frame]) -> None:
        if self._track is None or not frames:
            self.faults.append("frames without a track, or none")
            return
        for frame in frames:
            kind = frame.data.removeprefix(HEAD).decode()
            seconds = frame.samples / self._track.sample_rate
            self.seconds[kind] = self.seconds.get(kind, 0.0) + seconds
            self.log.append(kind)
        self._note(None)

    def on_title(self, title: Title) -> None:
        self._note(f"title {title.text}")

    def on_close(self, end: End) -> None:
        self._note(f"end {end.reason}")
        self.is_closed = True

    def _note(self, what: str | None) -> None:
        if self.is_closed:
            self.faults.append(f"{what or self.log[-1]} after the end")
        if what is not None:
            self.log.append(what)
        self.on_told(self.log[-1])


class FakeReel:
    """Frames of one kind without an end, or until `failure` is set."""

    def __init__(self, kind: str, track: Track, title: str = "", at_most: int = 10_000) -> None:
        self.track = track
        self.title = Title.from_text(title)
        self.taken = 0
        self.closed = 0
        self.at_most = at_most
        self.faults: list[str] = []
        self.failure: Exception | None = None
        self.is_outdated = False
        self._kind = kind

    def take(self, count: int) -> list[Frame]:
        if self.closed:
            self.faults.append("taken from after it was closed")
        if self.failure is not None:
            raise self.failure
        self.taken += min(count, self.at_most)
        return make_frames(min(count, self.at_most), self._kind, self.track)

    def close(self) -> None:
        self.closed += 1


class FakeStandIns:
    """Gives out reels while it is told to be ready, and keeps them."""

    def __init__(self) -> None:
        self.has_silence = True
        self.has_fallback = True
        self.at_most = 10_000  # frames of a reel at once
        self.prepared: list[Track] = []
        self.reels: list[FakeReel] = []

    def prepare(self, channel_id: str, track: Track, bitrate_kbps: int | None) -> None:
        self.prepared.append(track)

    def open_silence(self, track: Track) -> Reel | None:
        return self._open("silence", track) if self.has_silence else None

    def open_fallback(self, channel_id: str, track: Track | None) -> Reel | None:
        return self._open("fallback", track or TRACK, "the song") if self.has_fallback else None

    def _open(self, kind: str, track: Track, title: str = "") -> Reel:
        self.reels.append(FakeReel(kind, track, title, self.at_most))
        return self.reels[-1]


NO_STAND_INS: StandIns = NoStandIns()


class Studio:
    """A broadcast with one delivery, on a clock that the test turns."""

    def __init__(self, policy: AirPolicy | None = None, stand_ins: StandIns | None = None) -> None:
        self.now = 1000.0
        self.stand_ins = FakeStandIns()
        self.broadcast = Broadcast(
            "demo",
            "icecast",
            max_listeners=2,
            now=self.now,
            policy=policy or AirPolicy(),
            stand_ins=stand_ins or self.stand_ins,
        )
        self.ear = Ear()
        self.broadcast.attach("icecast", self.ear)
        self.changes: list[AirChange] = []
        self.broadcast.on_changed(lambda _broadcast, change: self.changes.append(change))

    def connect(
        self, source: FakeSource | None = None, track: Track | None = TRACK, address: str = ""
    ) -> Input:
        source_input = self.broadcast.connect(
            source or FakeSource(), Station(address=address), self.now
        )
        if track is not None:
            source_input.set_track(track)
        return source_input

    def play(
        self, source_input: Input, seconds: float, kind: str = "source", batch_s: float = 0.24
    ) -> None:
        """Let time pass while the source sends at its pace."""
        for _ in range(round(seconds / batch_s)):
            self.wait(batch_s)
            self.send(source_input, batch_s, kind)

    def send(self, source_input: Input, seconds: float, kind: str = "source") -> None:
        """Have the source send so much at once."""
        track = source_input.track
        assert track is not None
        count = round(seconds * track.sample_rate / track.frame_samples)
        source_input.publish(make_frames(count, kind, track), self.now)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while self.now < end - 1e-9:
            self.now = min(end, self.now + TICK_S)
            self.broadcast.advance(self.now)

    def check(self) -> None:
        """Nothing has happened that must never happen."""
        assert not self.ear.faults
        assert not any(reel.faults for reel in self.stand_ins.reels)

    def heard(self, kind: str) -> float:
        """For how long this kind of audio was heard, in seconds."""
        return round(self.ear.seconds.get(kind, 0.0), 3)

    def aired_s(self) -> float:
        return round(self.broadcast.aired_s(self.now), 3)

    def sound(self) -> Sound:
        return self.broadcast.sound

    def state(self) -> AirState:
        return self.broadcast.state
