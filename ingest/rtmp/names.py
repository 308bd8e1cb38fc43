"""What an encoder means by its app and its stream name: a channel and a key. No I/O.

The usual form is app `live` and name `CHANNEL?key=SECRET`. Encoders with a single field, and
owners who paste the whole URL into the first of two, put path and query into either; so
path and query of both are joined. What owners paste besides is taken off: spaces and line ends, a slash
behind, Flash's prefixes, a percent-encoding of the whole. The key may also be the path's last part. A URL
that cannot be resolved is refused with what to type.

A name without a key is refused here, because an owner may have pasted the secret alone, and it
must not be taken for a channel's id. Before the gate has found the channel, its id may be a secret too.
"""

import re
from dataclasses import dataclass, field
from urllib.parse import unquote

from awazpulse.channels.public_urls import CHANNEL_ID
from awazpulse.refusals import Refusal

APP = "live"

_BESIDE = " \t\r\n\0"  # what comes along when something is pasted
_ENCODED = re.compile("%(?:3F|2F)", re.IGNORECASE)
_PREFIX = re.compile("(?:mp3|flv|mp4|aac):", re.IGNORECASE)  # Flash Media Server's kinds of files
_CHANNEL_AND_KEY = 2
_DEFAULT_INSTANCE = "_definst_"  # Flash Media Server's, which some encoders append to the app


class UnknownApp(Refusal):
    """The server URL's path does not begin with our app."""

    def __str__(self) -> str:
        return f"the server URL must end in /{APP}: rtmp://HOST/{APP}"


class InvalidStreamName(Refusal):
    """No channel and key can be read from the stream name."""

    def __str__(self) -> str:
        return (
            "the stream key must be CHANNEL?key=SECRET; copy it anew from the channel's credentials"
        )


@dataclass(frozen=True, slots=True)
class StreamName:
    """The channel and the key that were given. Either may be the secret, if it was mistyped."""

    channel_id: str = field(repr=False)
    secret: str = field(repr=False)


def is_known_app(app: str) -> bool:
    """Whether `connect` may go on with this app, path and query included.

    With no app at all the stream name has the whole path.
    """
    path = _split(app)[0]
    return not path or _is_app(path[0])


def parse_stream_name(app: str, name: str) -> StreamName:
    """Return what app and name say together; raises `UnknownApp` or `InvalidStreamName`."""
    app_path, app_query = _split(app)
    name_path, name_query = _split(_PREFIX.sub("", name.strip(_BESIDE)))
    if app_path and not _is_app(app_path[0]):
        raise UnknownApp
    path = app_path[1:] + name_path
    if len(path) > 1 and _is_app(path[0]):
        path = path[1:]  # the whole path in the key field, with an app or without one
    secret = (name_query.get("key") or app_query.get("key") or "").strip(_BESIDE).rstrip("/")
    if len(path) == _CHANNEL_AND_KEY and not secret:
        secret = path.pop()
    if len(path) != 1 or not CHANNEL_ID.fullmatch(path[0]) or not secret:
        raise InvalidStreamName
    return StreamName(path[0], secret)


def _is_app(segment: str) -> bool:
    return segment.lower() == APP


def _split(text: str) -> tuple[list[str], dict[str, str]]:
    """Return the path's segments and the query's pairs."""
    text = text.strip(_BESIDE)
    if "?" not in text and _ENCODED.search(text):
        text = unquote(text)
    path, _, query = text.partition("?")
    query = query.replace("?", "&")  # the query is there twice
    segments = [s for s in path.split("/") if s and s != _DEFAULT_INSTANCE]
    pairs = (pair.partition("=") for pair in query.split("&"))
    return segments, {name: unquote(value) for name, _, value in pairs}
