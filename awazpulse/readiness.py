"""Whether the server can do all of its work: what a load balancer and a deployment ask for. No I/O.

The process may be alive, and what is on air may go on, while this says no.
"""

from collections.abc import Callable


class Readiness:
    """Collects what must be there. `is_repaired` and `is_draining` are the application's to set."""

    def __init__(self) -> None:
        self.is_repaired = False  # the rows tell the truth, and sources are let in
        self.is_draining = False  # nobody new is taken any more
        self._ports: dict[str, Callable[[], bool]] = {}

    def watch_port(self, name: str, is_listening: Callable[[], bool]) -> None:
        """Ask `is_listening` each time; `name` is what people are told."""
        self._ports[name] = is_listening

    def list_missing(self) -> list[str]:
        """Return what is missing, each as a part of a sentence; nothing when all is there."""
        missing = [
            f"the port of {name} does not listen"
            for name, is_listening in self._ports.items()
            if not is_listening()
        ]
        if not self.is_repaired:
            missing.append("the rows of the streams are not repaired yet")
        if self.is_draining:
            missing.append("the server is about to stop")
        return missing
