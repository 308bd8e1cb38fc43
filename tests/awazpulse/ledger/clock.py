"""Time for the tests of the ledger, which passes only when told to."""

from awazpulse.ledger.book import Book
from awazpulse.ledger.numbers import Numbers
from awazpulse.ledger.privacy import AddressRule

START_S = 1_800_000_000.0
START_MS = int(START_S * 1000)


class Clock:
    """Both of a book's clocks; the wall clock is `shift_s` off after it has been set."""

    def __init__(self) -> None:
        self.now = 500.0
        self.shift_s = 0.0

    def __call__(self) -> float:
        return self.now

    def wall(self) -> float:
        return START_S + self.now - 500.0 + self.shift_s


def make_book(clock: Clock, rule: AddressRule = AddressRule.SHORTENED) -> Book:
    return Book(
        address_rule=rule,
        find_country=lambda address: "PK" if address.startswith("203.") else None,
        numbers=Numbers(clock, clock.wall),
    )
