"""Whatever happens to a broadcast, in any order: what must be true of it at each moment."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from awazpulse.audio import Track
from awazpulse.relay import End, EndReason, Input, Title
from awazpulse.relay.life import SILENCE_AFTER_S, AirPolicy, AirState
from awazpulse.relay.reach import MAX_LEAD_S as BELIEVED_LEAD_S
from awazpulse.relay.seam import MAX_LEAD_S
from awazpulse.relay.stand_in import Sound
from tests.awazpulse.relay.studio import (
    AAC,
    FRAME_S,
    LEFT,
    OTHER_RATE,
    STOPPED,
    TRACK,
    Ear,
    FakeSource,
    Studio,
    make_frames,
)

TRACKS = st.sampled_from([TRACK, OTHER_RATE, AAC])
# What a source holds back when it connects is one batch, all of which is sent; a later one has a seam.
BATCH_S = SILENCE_AFTER_S
# A source is believed to be ahead by so much; nothing that is sent may run ahead by more.
MAX_AHEAD_S = max(MAX_LEAD_S, BELIEVED_LEAD_S) + BATCH_S + 2 * FRAME_S
POLICIES = st.builds(
    AirPolicy,
    grace_s=st.sampled_from([0.0, 1.0, 30.0, 600.0]),
    fallback_after_s=st.sampled_from([0.0, 1.0, 5.0, 60.0]),
    has_fallback=st.booleans(),
    is_always_on=st.booleans(),
)


class Encoder(FakeSource):
    """An encoder whose audio comes into being at the pace of the clock, and is sent when the test says so."""

    def __init__(self, now: float) -> None:
        super().__init__()
        self.input: Input | None = None
        self.sent_until = now

    def send(self, studio: Studio) -> None:
        """Send all that has come into being by now."""
        source_input = self.input
        assert source_input is not None
        track = source_input.track
        assert track is not None
        frame_s = track.frame_samples / track.sample_rate
        count = int((studio.now - self.sent_until) / frame_s)
        if count > 0:
            self.sent_until += count * frame_s
            source_input.publish(make_frames(count, "source", track), studio.now)


class OnAir(RuleBasedStateMachine):
    """A broadcast with two deliveries, and encoders that come and go."""

    @initialize(policy=POLICIES, on_fallback=st.booleans())
    def begin(self, policy: AirPolicy, on_fallback: bool) -> None:
        self.studio = Studio(policy)
        self.broadcast = self.studio.broadcast
        self.second = Ear()
        self.broadcast.attach("hls", self.second)
        self.third: Ear | None = None
        self.encoders: list[Encoder] = []
        self.begun: float | None = None  # when the first audio began
        self.aired_s = 0.0
        if on_fallback:
            self.broadcast.begin_on_fallback(self.studio.now)

    @property
    def encoder(self) -> Encoder | None:
        """The one that is connected."""
        source_input = self.broadcast.input
        found = [encoder for encoder in self.encoders if encoder.input is source_input]
        return found[0] if source_input is not None else None

    def _is_open(self) -> bool:
        return not self.broadcast.is_closed

    def _has_encoder(self) -> bool:
        return self.broadcast.input is not None

    # -- sources

    @precondition(_is_open)
    @rule(track=TRACKS, waits=st.booleans())
    def connect(self, track: Track, waits: bool) -> None:
        encoder = Encoder(self.studio.now)
        self.encoders.append(encoder)
        encoder.input = self.studio.connect(encoder, track)
        if waits:
            encoder.on_pull = lambda: encoder.send(self.studio)

    @precondition(_has_encoder)
    @rule()
    def publish(self) -> None:
        assert self.encoder is not None
        self.encoder.send(self.studio)

    @precondition(_has_encoder)
    @rule()
    def play(self) -> None:
        """Be heard for long, as most are."""
        encoder = self.encoder
        assert encoder is not None
        for _ in range(20):
            self._pass_time(0.2)
            encoder.send(self.studio)

    @precondition(_has_encoder)
    @rule(track=TRACKS)
    def change_track(self, track: Track) -> None:
        encoder = self.encoder
        assert encoder is not None
        assert encoder.input is not None
        encoder.send(self.studio)
        encoder.input.set_track(track)

    @precondition(_has_encoder)
    @rule(does=st.sampled_from(["ends", "fails", "closes"]))
    def pull_one_that_goes(self, does: str) -> None:
        encoder = self.encoder
        assert encoder is not None
        source_input = encoder.input
        assert source_input is not None

        def go() -> None:
            if does == "fails":
                raise OSError("no descriptor")
            if does == "ends":
                source_input.end(LEFT, self.studio.now)
            else:
                self.broadcast.close(STOPPED)

        encoder.on_pull = go
        self.broadcast.pull()
        assert not source_input.is_open

    @precondition(_has_encoder)
    @rule()
    def lose(self) -> None:
        assert self.broadcast.input is not None
        self.broadcast.input.end(LEFT, self.studio.now)

    @precondition(_is_open)
    @rule()
    def cut_off(self) -> None:
        self.broadcast.cut_off(End(EndReason.SWITCHED), self.studio.now)

    # -- time

    @rule(seconds=st.sampled_from([0.02, 0.3, 1.0, 1.9, 2.5, 6.0, 40.0]))
    def pass_time(self, seconds: float) -> None:
        self._pass_time(seconds)

    @rule(seconds=st.sampled_from([3.0, 20.0, 300.0]))
    def be_held_up(self, seconds: float) -> None:
        self.studio.now += seconds
        self.broadcast.advance(self.studio.now)

    @rule(seconds=st.sampled_from([0.01, 5.0, 500.0]))
    def advance_by_a_clock_that_was_behind(self, seconds: float) -> None:
        self.broadcast.advance(self.studio.now - seconds)

    def _pass_time(self, seconds: float) -> None:
        encoder = self.encoder
        heard_s = sum(self.studio.ear.seconds.values())
        self.studio.wait(seconds)
        if encoder is None:  # then it is all of a stand-in, which fills players up once
            grown_s = sum(self.studio.ear.seconds.values()) - heard_s
            assert grown_s <= seconds + 5.0 + 2 * FRAME_S

    # -- settings

    @rule(policy=POLICIES)
    def set_policy(self, policy: AirPolicy) -> None:
        self.broadcast.policy = policy

    @rule(has_silence=st.booleans(), has_fallback=st.booleans())
    def make_ready(self, has_silence: bool, has_fallback: bool) -> None:
        self.studio.stand_ins.has_silence = has_silence
        self.studio.stand_ins.has_fallback = has_fallback

    @rule()
    def spoil_the_reel(self) -> None:
        for reel in self.studio.stand_ins.reels[-1:]:
            reel.failure = OSError("gone")

    @rule(begins=st.booleans())
    def dead_air(self, begins: bool) -> None:
        if begins:
            self.broadcast.begin_dead_air(self.studio.now)
        else:
            self.broadcast.end_dead_air()

    # -- deliveries

    @precondition(_is_open)
    @rule(text=st.sampled_from(["", "a", "b"]))
    def set_title(self, text: str) -> None:
        self.broadcast.set_title(Title.from_text(text))

    @precondition(_is_open)
    @rule()
    def attach_or_detach(self) -> None:
        if "third" in self.broadcast.deliveries:
            self.broadcast.detach("third", STOPPED)
        else:
            self.third = Ear()
            self.broadcast.attach("third", self.third)

    @precondition(lambda self: len(self.encoders) > 2)
    @rule()
    def close(self) -> None:
        self.broadcast.close(STOPPED)

    # -- what is true

    @invariant()
    def nothing_follows_an_end_and_no_frame_comes_before_its_track(self) -> None:
        self.studio.check()
        assert not self.second.faults
        assert self.third is None or not self.third.faults

    @invariant()
    def everyone_hears_the_same(self) -> None:
        assert self.studio.ear.log == self.second.log
        if self.third is not None and not self.third.is_closed:
            told = [what for what in self.third.log if what != "title "]
            first = 1 + (
                len(told) > 1 and told[1].startswith("title")
            )  # of those after it was attached
            tail = [what for what in self.second.log if what != "title "]
            assert tail[len(tail) - len(told[first:]) :] == told[first:]

    @invariant()
    def one_input_is_open_at_most(self) -> None:
        inputs = [encoder.input for encoder in self.encoders if encoder.input is not None]
        connected = [source_input for source_input in inputs if source_input.is_open]
        assert connected == ([self.broadcast.input] if self.broadcast.input else [])
        assert all(len(encoder.closed) <= 1 for encoder in self.encoders)

    @invariant()
    def state_and_input_and_sound_agree(self) -> None:
        state, source_input, sound = (
            self.broadcast.state,
            self.broadcast.input,
            self.broadcast.sound,
        )
        if state is AirState.OFF:
            assert source_input is None
            assert sound is Sound.NOTHING
        if state is AirState.ON_AIR:
            assert source_input is not None
        if state is AirState.WAITING:
            assert source_input is None
            assert sound in (Sound.NOTHING, Sound.SILENCE)
        assert state is not AirState.ENDING
        assert (state is AirState.ON_FALLBACK) == (sound is Sound.FALLBACK)
        if sound is Sound.SOURCE:
            assert source_input is not None
        assert self.broadcast.is_closed == self.studio.ear.is_closed
        assert self.broadcast.needs_pace == (sound in (Sound.SILENCE, Sound.FALLBACK))

    @invariant()
    def reels_are_given_back(self) -> None:
        is_playing = self.broadcast.needs_pace
        open_reels = [reel for reel in self.studio.stand_ins.reels if not reel.closed]
        assert len(open_reels) == is_playing
        assert all(reel.closed <= 1 for reel in self.studio.stand_ins.reels)

    @invariant()
    def what_is_handed_out_does_not_run_ahead_of_the_clock(self) -> None:
        heard_s = sum(self.studio.ear.seconds.values())
        if self.begun is None and heard_s:
            self.begun = self.studio.now - heard_s
        if self.begun is not None:
            assert heard_s <= self.studio.now - self.begun + MAX_AHEAD_S

    @invariant()
    def what_is_counted_is_what_was_heard(self) -> None:
        seconds, counted = self.studio.ear.seconds, self.broadcast.stand_in_s
        for sound in (Sound.SILENCE, Sound.FALLBACK):
            assert abs(counted[sound] - seconds.get(sound.value, 0.0)) < 1e-6
        assert 0 <= self.broadcast.aired_s(self.studio.now) <= self.studio.now - 1000.0 + 1e-6


TestOnAir = OnAir.TestCase
TestOnAir.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
