"""The life of a channel on air: its states, the steps between them, and what is due when. No I/O.

    off --come--> on air --lose--> waiting --come--> on air
    off, on air, waiting --fall back--> on fallback --come--> on air
                                                    --give up--> waiting
    each of them but off --end--> ending --finish--> off

A broadcast outlives its sources. The loss of a source starts the grace time; a source that comes within
it goes on. Meanwhile silence, or the channel's fallback, stands in for the source. `now` is monotonic
seconds.
"""

from dataclasses import dataclass
from enum import Enum

from awazpulse.state_table import StateTable

SILENCE_AFTER_S = 2.0  # players hold 4 s and more; a shorter gap is filled when the source is back


class AirState(Enum):
    """Where a channel is."""

    OFF = "off"
    ON_AIR = "on air"
    WAITING = "waiting for its source"
    ON_FALLBACK = "on fallback"
    ENDING = "ending"


class AirStep(Enum):
    """What brings a channel from one state to another."""

    COME = "hear a source"
    LOSE = "lose the source"
    FALL_BACK = "fall back"
    GIVE_UP = "give the fallback up"
    END = "end"
    FINISH = "finish"


AIR_STATES = StateTable(
    {
        (AirState.OFF, AirStep.COME): AirState.ON_AIR,
        (AirState.OFF, AirStep.FALL_BACK): AirState.ON_FALLBACK,
        (AirState.OFF, AirStep.END): AirState.ENDING,
        (AirState.ON_AIR, AirStep.COME): AirState.ON_AIR,  # a takeover
        (AirState.ON_AIR, AirStep.LOSE): AirState.WAITING,
        (AirState.ON_AIR, AirStep.FALL_BACK): AirState.ON_FALLBACK,  # a source that is dead air
        (AirState.ON_AIR, AirStep.END): AirState.ENDING,
        (AirState.WAITING, AirStep.COME): AirState.ON_AIR,
        (AirState.WAITING, AirStep.FALL_BACK): AirState.ON_FALLBACK,
        (AirState.WAITING, AirStep.END): AirState.ENDING,
        (AirState.ON_FALLBACK, AirStep.COME): AirState.ON_AIR,
        (AirState.ON_FALLBACK, AirStep.LOSE): AirState.ON_FALLBACK,  # the source that was dead air
        (AirState.ON_FALLBACK, AirStep.GIVE_UP): AirState.WAITING,
        (AirState.ON_FALLBACK, AirStep.END): AirState.ENDING,
        (AirState.ENDING, AirStep.FINISH): AirState.OFF,
    }
)


class AirChange(Enum):
    """What others want to know of a life."""

    SOURCE_CAME = "a source came"
    SOURCE_LOST = "the source was lost"
    SOURCE_HEARD = "the source is heard"
    SILENCE_BEGAN = "silence began"
    FALLBACK_BEGAN = "the fallback began"
    TITLE_SHOWN = "another title is shown"


class Due(Enum):
    """What is to be done now."""

    NOTHING = "nothing"
    GIVE_UP = "give the fallback up"
    SILENCE = "silence"
    FALLBACK = "fallback"
    END = "end"


@dataclass(frozen=True, slots=True)
class AirPolicy:
    """How long a channel waits, in seconds; as the channel is set.

    `grace_s`: from the loss of its source to its end. `fallback_after_s`: to the beginning of its
    fallback, if it `has_fallback`. `is_always_on`: the fallback keeps it on air without a source.
    """

    grace_s: float = 30.0
    fallback_after_s: float = 5.0
    has_fallback: bool = False
    is_always_on: bool = False


class Life:
    """One broadcast's state; `lost_at` is since when it has no source, None while it has one."""

    def __init__(self, policy: AirPolicy) -> None:
        self.policy = policy
        self.state = AirState.OFF
        self.lost_at: float | None = None

    def step(self, step: AirStep, now: float) -> None:
        """Take a step. Raises `MisuseError`, with nothing changed, where it is not allowed."""
        former, self.state = self.state, AIR_STATES.after(self.state, step)
        if step is AirStep.COME:
            self.lost_at = None
        elif step is AirStep.LOSE or former is AirState.OFF:
            self.lost_at = now  # on air without a source, from its loss or from the very beginning

    def connect(self, now: float) -> None:
        """Note that a source is there; while the fallback plays it goes on until the source is heard.

        Raises as `step` does.
        """
        if self.state is AirState.ON_FALLBACK:
            self.lost_at = None
        else:
            self.step(AirStep.COME, now)

    def give_up(self, now: float) -> None:
        """End the fallback: go on with the source if it is connected, wait for one if not."""
        is_connected = self.lost_at is None
        self.step(AirStep.GIVE_UP, now)
        if is_connected:
            self.step(AirStep.COME, now)

    @property
    def keeps_itself_on_air(self) -> bool:
        """Whether the fallback keeps the channel on air without a source."""
        return self.policy.is_always_on and self.policy.has_fallback

    def find_due(self, now: float, quiet_since: float) -> Due:
        """Return what is due; `quiet_since` is when the last audio of a source came.

        A source that is connected and sends nothing is replaced as one that is lost, but only the
        loss of the connection starts the grace time.
        """
        if self.state in (AirState.OFF, AirState.ENDING):
            return Due.NOTHING
        policy = self.policy
        is_lost = self.lost_at is not None and not self.keeps_itself_on_air
        if is_lost and now - (self.lost_at or 0.0) >= policy.grace_s:
            return Due.END
        if self.state is AirState.ON_FALLBACK:
            return Due.NOTHING if policy.has_fallback else Due.GIVE_UP
        quiet_s = now - quiet_since
        # A source that is connected may be read, or may send, at intervals of up to so much.
        patience_s = SILENCE_AFTER_S if self.lost_at is None else 0.0
        if policy.has_fallback and quiet_s >= max(policy.fallback_after_s, patience_s):
            return Due.FALLBACK
        return Due.SILENCE if quiet_s >= SILENCE_AFTER_S else Due.NOTHING
