"""A state machine's transitions as data. No I/O."""

from collections.abc import Mapping
from enum import Enum
from typing import Generic, TypeVar

from .errors import MisuseError

S = TypeVar("S", bound=Enum)
T = TypeVar("T", bound=Enum)


class StateTable(Generic[S, T]):
    """Which state follows on which step in which state. The steps' values are verbs, for errors."""

    def __init__(self, transitions: Mapping[tuple[S, T], S]) -> None:
        self._transitions = dict(transitions)

    def after(self, state: S, step: T) -> S:
        """Return the state after `step`; raises `MisuseError` when the state does not allow it."""
        following = self._transitions.get((state, step))
        if following is None:
            raise MisuseError(f"cannot {step.value} in state {state.value}")
        return following
