"""Who may do what, as pure functions of facts. No I/O.

Secrets are for the channel's owner alone: an administrator can switch a station and disable it, but
cannot broadcast in its name.
"""

from dataclasses import dataclass, field

from awazpulse.kinds import Role


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is asking; by a token of which sign-in, None for the operator's, and issued when (Unix)."""

    user_id: str
    email: str
    role: Role
    sign_in_id: str | None = field(default=None, compare=False)
    issued_at: int = field(default=0, compare=False)


def owns(identity: Identity, owner_id: str) -> bool:
    """Whether a channel is this user's, who alone may see its stream key and source password."""
    return identity.user_id == owner_id


def manages(identity: Identity, owner_id: str) -> bool:
    """Whether this user may see what a channel does, switch it, stop it and set it up."""
    return identity.role is Role.ADMIN or owns(identity, owner_id)
