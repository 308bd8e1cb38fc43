"""Who may do what, as pure functions of facts. No I/O.

Secrets are for the channel's owner alone: an administrator can switch a station and disable it, but
cannot broadcast in its name.
"""

from dataclasses import dataclass

from awazpulse.kinds import Role


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is asking."""

    user_id: str
    email: str
    role: Role


def may_see_credentials(identity: Identity, owner_id: str) -> bool:
    """Whether this user may see a channel's stream key and source password."""
    return identity.user_id == owner_id


def may_switch(identity: Identity, owner_id: str) -> bool:
    """Whether this user may switch a channel's stream type."""
    return identity.role is Role.ADMIN or identity.user_id == owner_id


def may_see_streams(identity: Identity, owner_id: str) -> bool:
    """Whether this user may see a channel's rows, which hold the backup URL and the metadata."""
    return identity.role is Role.ADMIN or identity.user_id == owner_id


def may_change(identity: Identity, owner_id: str) -> bool:
    """Whether this user may change how a channel is set up: its fallback file."""
    return identity.role is Role.ADMIN or identity.user_id == owner_id
