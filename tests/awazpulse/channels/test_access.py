import pytest

from awazpulse.channels.access import (
    Identity,
    may_change,
    may_see_credentials,
    may_see_streams,
    may_switch,
)
from awazpulse.kinds import Role


@pytest.mark.parametrize(
    ("user_id", "role", "sees_credentials", "switches_and_sees_streams"),
    [
        ("owner", Role.STATION_OWNER, True, True),
        ("owner", Role.ADMIN, True, True),
        ("other", Role.STATION_OWNER, False, False),
        ("other", Role.ADMIN, False, True),
    ],
)
def test_access_is_by_ownership_and_role(
    user_id: str, role: Role, sees_credentials: bool, switches_and_sees_streams: bool
) -> None:
    identity = Identity(user_id, f"{user_id}@x", role)
    assert may_see_credentials(identity, "owner") is sees_credentials
    assert may_switch(identity, "owner") is switches_and_sees_streams
    assert may_change(identity, "owner") is switches_and_sees_streams
    assert may_see_streams(identity, "owner") is switches_and_sees_streams
