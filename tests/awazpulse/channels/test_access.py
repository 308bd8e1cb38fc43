from awazpulse.channels.access import Identity, manages, owns
from awazpulse.kinds import Role

OWNER = Identity("1", "owner@radio.example", Role.STATION_OWNER)
OTHER = Identity("2", "other@radio.example", Role.STATION_OWNER)
ADMIN = Identity("3", "admin@radio.example", Role.ADMIN)


def test_a_channel_is_its_owners_alone_not_an_administrators() -> None:
    assert [owns(identity, "1") for identity in (OWNER, OTHER, ADMIN)] == [True, False, False]


def test_a_channel_is_managed_by_its_owner_and_by_administrators() -> None:
    assert [manages(identity, "1") for identity in (OWNER, OTHER, ADMIN)] == [True, False, True]


def test_an_administrator_owns_a_channel_of_their_own() -> None:
    assert owns(ADMIN, "3")
