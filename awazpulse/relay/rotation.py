"""Decides whose turn it is: members at phases of one common interval. No I/O.

The members have places on a circle, as the hours on a clock. A hand passes each of them once in an
interval. A change of the interval changes only the speed of the hand, so members that are spread evenly
stay spread evenly. If each member had its own due time instead, they would crowd together whenever the
interval grows, as it does while listeners join.
"""

from bisect import bisect_left
from typing import Generic, TypeVar

Member = TypeVar("Member")


class Rotation(Generic[Member]):
    """A circle of members. `now` is in monotonic seconds. A phase is in [0, 1)."""

    def __init__(self, interval_s: float) -> None:
        self.interval_s = interval_s
        self._phases: list[float] = []
        self._members: list[Member] = []
        self._next = 0  # index of the member that the hand comes to next
        self._turns = 0  # how often the hand has come round to phase 0
        self._hand = 0.0  # where the hand was at the time `_hand_at`, in turns
        self._hand_at = 0.0

    def __len__(self) -> int:
        return len(self._members)

    def set_interval(self, interval_s: float, now: float) -> None:
        """Change the time that the hand takes for one turn, from `now` on."""
        if interval_s != self.interval_s:
            self._hand += (now - self._hand_at) / self.interval_s
            self._hand_at = now
            self.interval_s = interval_s

    def add(self, member: Member, phase: float, now: float) -> None:
        """Put a member on the circle. The hand comes to it within one interval."""
        if not self._members:
            self._next, self._turns = 0, 0
            self._hand, self._hand_at = 0.0, now
        at = bisect_left(self._phases, phase)
        self._phases.insert(at, phase)
        self._members.insert(at, member)
        if at < self._next:
            self._next += 1

    def remove(self, member: Member) -> None:
        """Remove a member from the circle. Raises ValueError if it is not there."""
        at = self._members.index(member)
        del self._phases[at], self._members[at]
        if at < self._next:
            self._next -= 1

    def next_due(self) -> float | None:
        """Return the time at which the hand comes to the next member. None if the circle is empty."""
        if not self._members:
            return None
        if self._next == len(self._members):
            self._next = 0
            self._turns += 1
        ahead = self._turns + self._phases[self._next] - self._hand
        return self._hand_at + ahead * self.interval_s

    def find_next(self) -> Member | None:
        """Return the member that the hand comes to next. None if the circle is empty."""
        return None if self.next_due() is None else self._members[self._next]

    def pass_next(self, until: float, now: float) -> Member | None:
        """Move the hand past the next member and return this member. None if it is due after `until`.

        A member that is returned before it is due moves to the place where the hand is now. Its next turn
        is one interval later, together with the members that were returned with it.

        If the hand is late by more than a whole turn, because nobody called, it goes on from `now`. The
        turns that were missed are not made up for.
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
        """Move the next member to the place of the hand, which has made `turns` so far."""
        if turns < self._turns:
            # The hand has not finished its turn, and this member becomes the last one of it.
            self._phases.append(self._phases.pop(0))
            self._members.append(self._members.pop(0))
            self._turns -= 1
            self._next = len(self._members) - 1
        phase = max(0.0, turns - self._turns)
        # Keep the order of the phases: the member before this one may have been returned slightly early.
        self._phases[self._next] = max(phase, self._phases[self._next - 1]) if self._next else phase
