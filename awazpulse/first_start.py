"""What an empty database is given, so that the first start can be tried at once."""

from dataclasses import dataclass, field

from awazpulse.channels.accounts import Accounts
from awazpulse.channels.catalog import ChannelCatalog
from awazpulse.channels.passwords import generate_password
from awazpulse.refusals import AlreadyExists

OWNER_EMAIL = "owner@localhost"
CHANNEL_ID = "demo"
CHANNEL_NAME = "Demo"


@dataclass(frozen=True, slots=True)
class FirstOwner:
    """A login that exists in this form only now: the database keeps a hash."""

    email: str
    password: str = field(repr=False)


async def populate_if_empty(accounts: Accounts, catalog: ChannelCatalog) -> FirstOwner | None:
    """Make an owner and a channel if there is no user yet; return the owner then.

    Both or neither: after a crash in between nobody would know the owner's password.
    """
    if await accounts.count():
        return None
    owner = FirstOwner(OWNER_EMAIL, generate_password())
    user = await accounts.new_user(owner.email, owner.password)
    try:
        await catalog.create(CHANNEL_ID, CHANNEL_NAME, user)
    except AlreadyExists:  # another first start was faster, and shows what it has made
        return None
    return owner
