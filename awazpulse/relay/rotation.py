"""Whose turn it is: members at phases of one common interval. No I/O.

The members stand on a circle, and a hand passes all of them once an interval. A change of the
interval changes the hand's speed alone, so members that are spread evenly stay so; with a due time of
each member's own they would bunch up whenever the interval grows, as it does while listeners join.
"""

from bisect import bisect_left
from typing import Generic, TypeVar

Member = TypeVar("Member")


class Rotation(Generic[Member]):
    """A circle of members. `now` is monotonic seconds, a phase is in [0, 1)."""

    def __init__(self, interval_s: float) -> None:
        self.interval_s = interval_s
        self._phases: list[float] = []
        self._members: list[Member] = []
        self._next = 0  # index of the member that the hand comes to next
        self._turns = 0  # how often the hand has passed phase 0
        self._hand = 0.0  # where it was at `_hand_at`, in turns
        self._hand_at = 0.0

    def __len__(self) -> int:
        return len(self._members)

    def set_interval(self, interval_s: float, now: float) -> None:
        """Change how long one turn of the hand takes, from `now` on."""
        if interval_s != self.interval_s:
            self._hand += (now - self._hand_at) / self.interval_s
            self._hand_at = now
            self.interval_s = interval_s

    def add(self, member: Member, phase: float, now: float) -> None:
        """Put a member on the circle; the hand comes to it within one interval."""
        if not self._members:
            self._next, self._turns = 0, 0
            self._hand, self._hand_at = 0.0, now
        at = bisect_left(self._phases, phase)
        self._phases.insert(at, phase)
        self._members.insert(at, member)
        if at < self._next:
            self._next += 1

    def remove(self, member: Member) -> None:
        """Take a member off the circle. Raises ValueError if it is not on it."""
        at = self._members.index(member)
        del self._phases[at], self._members[at]
        if at < self._next:
            self._next -= 1

    def next_due(self) -> float | None:
        """Return when the hand comes to the next member, None if there is none."""
        if not self._members:
            return None
        if self._next == len(self._members):
            self._next = 0
            self._turns += 1
        ahead = self._turns + self._phases[self._next] - self._hand
        return self._hand_at + ahead * self.interval_s

    def find_next(self) -> Member | None:
        """Return the member that the hand comes to next, None if there is none."""
        return None if self.next_due() is None else self._members[self._next]

    def pass_next(self, until: float, now: float) -> Member | None:
        """Move the hand over the next member and return it; None if that is due after `until`.

        One that is called before it is due keeps that place from then on: it has its next turn a whole
        interval later, together with those that it was called with. A hand that is late by a whole turn
        (nobody called) goes on from `now`: nobody is due twice.
        """
        due = self.next_due()
        if due is None or due > until:
            return None
        if now - due > self.interval_s:
            self._hand = self._turns + self._phases[self._next]
            self._hand_at = now
        elif now < due:
            self._bring_forward(self._hand + (now - self._hand_at) / self.interval_s)
        member = self._members[self._next]
        self._next += 1
        return member

    def _bring_forward(self, turns: float) -> None:
        """Put the next member where the hand is now, `turns` from the beginning."""
        if turns < self._turns:
            # The hand is still in the turn before, of which this one becomes the last.
            self._phases.append(self._phases.pop(0))
            self._members.append(self._members.pop(0))
            self._turns -= 1
            self._next = len(self._members) - 1
        phase = max(0.0, turns - self._turns)
        # Never before the one that was called last, which may have been early by a timer's grain.
        self._phases[self._next] = max(phase, self._phases[self._next - 1]) if self._next else phase
