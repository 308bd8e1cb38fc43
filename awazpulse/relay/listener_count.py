"""Counts the listeners of one delivery of a broadcast. No I/O."""


class ListenerCount:
    """How many listen now, how many did at most, and how many may."""

    def __init__(self, max_listeners: int) -> None:
        self.max_listeners = max_listeners
        self.listeners = 0
        self.peak_listeners = 0

    @property
    def has_room(self) -> bool:
        """Whether one more listener may join."""
        return self.listeners < self.max_listeners

    def listener_joined(self) -> None:
        """Count a listener in."""
        self.listeners += 1
        self.peak_listeners = max(self.peak_listeners, self.listeners)

    def listener_left(self) -> None:
        """Count a listener out."""
        self.listeners = max(0, self.listeners - 1)

    def clear(self) -> None:
        """Count everyone out; those who leave later are not counted again."""
        self.listeners = 0
