"""What a client of port 8000 can do wrong, with the answer that it gets."""

from awazpulse.errors import PeerError


class RequestError(PeerError):
    """A request that cannot be served; `status` and `str()` are the answer."""

    status = 400


class MalformedRequest(RequestError):
    """Neither HTTP nor anything else that Icecast's clients send."""


class RequestTooLarge(RequestError):
    """A head over its limit."""

    status = 431


class RequestTimeout(RequestError):
    """A head or body that did not come in time."""

    status = 408


class MalformedBody(RequestError):
    """A chunked body whose chunks are not well-formed."""
