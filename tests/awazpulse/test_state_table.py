from enum import Enum

import pytest

from awazpulse.errors import MisuseError
from awazpulse.state_table import StateTable


class Door(Enum):
    OPEN = "open"
    SHUT = "shut"


class Move(Enum):
    SHUT = "shut it"


DOORS = StateTable({(Door.OPEN, Move.SHUT): Door.SHUT})


def test_a_step_leads_to_the_state_that_the_table_names() -> None:
    assert DOORS.after(Door.OPEN, Move.SHUT) is Door.SHUT


def test_a_step_that_the_table_does_not_have_is_misuse_and_says_what_was_tried() -> None:
    with pytest.raises(MisuseError, match="cannot shut it in state shut"):
        DOORS.after(Door.SHUT, Move.SHUT)
