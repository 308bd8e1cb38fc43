"""What an encoder means by its app and its stream name: a channel and a key. No I/O.

The usual form is app `live` and name `CHANNEL?key=SECRET`. Encoders with a single field, and
owners who paste the whole URL into the first of two, put path and query into either; so
path and query of both are joined. A URL that cannot be resolved is refused with what to type.

A name without a key is refused here, because an owner may have pasted the secret alone, and it
must not be taken for a channel's id. Before the gate has found the channel, its id may be a secret too.
"""

from dataclasses import dataclass, field
from urllib.parse import unquote

from awazpulse.channels.public_urls import CHANNEL_ID
from awazpulse.refusals import Refusal

APP = "live"

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
    """Whether `connect` may go on with this app, path and query included."""
    return _split(app)[0][:1] == [APP]


def parse_stream_name(app: str, name: str) -> StreamName:
    """Return what app and name say together; raises `UnknownApp` or `InvalidStreamName`."""
    app_path, app_query = _split(app)
    name_path, name_query = _split(name)
    path = app_path + name_path
    if path[:1] != [APP]:
        raise UnknownApp
    rest = path[1:]
    if len(rest) == 2 and rest[0] == APP:
        rest = rest[1:]  # the whole path in the key field, beside the app
    if len(rest) != 1 or not CHANNEL_ID.fullmatch(rest[0]):
        raise InvalidStreamName
    secret = name_query.get("key") or app_query.get("key")
    if not secret:
        raise InvalidStreamName
    return StreamName(rest[0], secret)


def _split(text: str) -> tuple[list[str], dict[str, str]]:
    """Return the path's segments and the query's pairs."""
    path, _, query = text.partition("?")
    segments = [s for s in path.split("/") if s and s != _DEFAULT_INSTANCE]
    pairs = (pair.partition("=") for pair in query.split("&"))
    return segments, {name: unquote(value) for name, _, value in pairs}
