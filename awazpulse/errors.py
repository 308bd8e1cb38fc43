"""The root of every exception that this project raises on purpose.

Three branches, by who is to blame: `PeerError` (the other side broke its protocol),
`Refusal` in `awazpulse.refusals` (a rule of ours says no), `MisuseError` (our own code
called something at the wrong time). A connection's edge maps them to wire answers in one place.
"""


class AwazPulseError(Exception):
    """Anything raised on purpose by this project."""


class PeerError(AwazPulseError):
    """What a peer sent breaks its protocol or a limit of ours. The peer's fault."""


class MisuseError(AwazPulseError):
    """An operation that the present state does not allow. Our own fault."""
