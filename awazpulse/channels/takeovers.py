"""Tells a takeover from a fight of two encoders with the same key. No I/O: `now` is monotonic seconds.

Both reconnect by themselves, so each takes over from the other, again and again. When a connection is taken
over while its audio still comes, its encoder is alive and will come back: that counts. An encoder that
comes back over a new connection leaves a silent one behind: that does not count.
"""

from collections import OrderedDict, deque
from enum import Enum

ALIVE_S = 1.0  # the age of the last audio below which the encoder on air is alive
WINDOW_S = 10.0
MAX_COMEBACKS = 2  # in the window, after the first takeover; one more is a fight
KEEP_S = 30.0  # for how long the encoder on air keeps its place in a fight
MAX_CHANNELS = 10_000  # the channels that have been quiet the longest are forgotten


class Verdict(Enum):
    """What becomes of a newcomer."""

    TAKE_OVER = "take over"
    FIGHT_BEGINS = "a fight begins"
    FIGHT_GOES_ON = "a fight goes on"


class TakeoverWatch:
    """Judges each takeover of a source that is connected."""

    def __init__(self, max_channels: int = MAX_CHANNELS) -> None:
        self._max_channels = max_channels
        self._takeovers: OrderedDict[str, deque[float]] = OrderedDict()
        self._kept_until: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._takeovers)

    def judge(self, channel_id: str, audio_age_s: float, now: float) -> Verdict:
        """Say whether the newcomer may take over; if so, its takeover is counted.

        `audio_age_s`: how long ago the source on air has sent audio.
        """
        if audio_age_s > ALIVE_S:
            self.end_fight(channel_id)
            return Verdict.TAKE_OVER
        if self._kept_until.get(channel_id, 0.0) > now:
            return Verdict.FIGHT_GOES_ON
        recent = self._takeovers.setdefault(channel_id, deque(maxlen=MAX_COMEBACKS + 1))
        self._takeovers.move_to_end(channel_id)
        if len(recent) > MAX_COMEBACKS and recent[0] > now - WINDOW_S:
            self._kept_until[channel_id] = now + KEEP_S
            recent.clear()
            return Verdict.FIGHT_BEGINS
        self._kept_until.pop(channel_id, None)
        recent.append(now)
        if len(self._takeovers) > self._max_channels:
            forgotten, _ = self._takeovers.popitem(last=False)
            self._kept_until.pop(forgotten, None)
        return Verdict.TAKE_OVER

    def end_fight(self, channel_id: str) -> None:
        """Keep the channel for nobody any more: the encoder that it was kept for has left."""
        self._kept_until.pop(channel_id, None)

    def kept_for_s(self, channel_id: str, now: float) -> float:
        """Return for how many seconds more the encoder on air keeps its place; 0 outside a fight."""
        return max(0.0, self._kept_until.get(channel_id, 0.0) - now)
