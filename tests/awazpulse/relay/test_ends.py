import pytest

from awazpulse.relay import End, EndReason


@pytest.mark.parametrize("reason", EndReason)
def test_every_reason_renders_a_sentence_with_who_and_why(reason: EndReason) -> None:
    plain = str(End(reason))
    assert len(plain) > 5
    assert "_" not in plain
    assert not plain.endswith(".")
    full = str(End(reason, "someone", "something"))
    assert full.startswith(plain)
    assert full.endswith(" someone: something")
    assert str(End(reason, why="something")) == f"{plain}: something"


def test_reasons_are_told_apart() -> None:
    assert len({str(End(reason)) for reason in EndReason}) == len(EndReason)


def test_takeover_comes_from_somewhere_and_other_ends_are_by_somebody() -> None:
    taken = End(EndReason.TAKEN_OVER, "192.0.2.7:5555")
    assert str(taken) == "taken over by another connection from 192.0.2.7:5555"
    stopped = End(EndReason.STOPPED, "owner@radio.example", "for tonight")
    assert str(stopped) == "stopped by owner@radio.example: for tonight"
