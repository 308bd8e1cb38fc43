from inspect import isclass

from api.problems import TYPE_PREFIX, answer_refusal, find_kind
from awazpulse import refusals
from awazpulse.refusals import (
    ChannelBusy,
    InvalidValue,
    Refusal,
    ServiceUnavailable,
    UnusableFile,
)


def test_a_refusal_is_answered_as_its_nearest_kind() -> None:
    assert find_kind(InvalidValue) == find_kind(UnusableFile)
    assert find_kind(ServiceUnavailable).status == 503
    assert find_kind(ChannelBusy).status == 409


def test_every_refusal_has_an_error_status() -> None:
    kinds = [
        kind for kind in vars(refusals).values() if isclass(kind) and issubclass(kind, Refusal)
    ]
    assert len(kinds) > 10
    for kind in kinds:
        assert find_kind(kind).status >= 400


def test_what_may_be_asked_again_says_when() -> None:
    response = answer_refusal(ServiceUnavailable("look"))
    assert response.headers["Retry-After"] == "5"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.text is not None
    assert f'"type":"{TYPE_PREFIX}unavailable"' in response.text
