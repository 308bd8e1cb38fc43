"""Errors of one turn: kept from others, and logged once."""

import asyncio
import logging

import pytest

from awazpulse.relay.faults import Faults

logger = logging.getLogger(__name__)


def test_the_first_error_is_logged_with_the_number_of_all(caplog: pytest.LogCaptureFixture) -> None:
    faults = Faults(logger, "a turn failed")
    for number in range(3):
        with faults:
            raise ValueError(f"number {number}")
    faults.report()
    (record,) = caplog.records
    assert record.getMessage() == "a turn failed: errors=3, the first is"
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == "number 0"
    assert record.exc_info[2] is not None


def test_what_was_reported_is_not_reported_again(caplog: pytest.LogCaptureFixture) -> None:
    faults = Faults(logger, "a turn failed")
    faults.report()
    faults.add(ValueError())
    faults.report()
    faults.report()
    assert len(caplog.records) == 1


def test_what_ends_a_task_or_the_program_goes_on() -> None:
    faults = Faults(logger, "a turn failed")
    for ends in (KeyboardInterrupt, asyncio.CancelledError):
        with pytest.raises(ends), faults:
            raise ends
