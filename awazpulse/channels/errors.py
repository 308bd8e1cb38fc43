"""Why a rule of ours says no: reasons that a station owner or a listener can act on.

Each carries the facts; `str()` makes the sentence. Protocols map the class to their own answer
(RTMP's `NetStream.Publish.BadName`, HTTP's 401, 403, 404).
"""

from awazpulse.errors import AwazPulseError


class Refusal(AwazPulseError):
    """Refused by policy; nothing has changed."""


class UnknownChannel(Refusal):
    """There is no such channel."""

    def __init__(self, channel_id: str) -> None:
        super().__init__(channel_id)
        self.channel_id = channel_id

    def __str__(self) -> str:
        return f"channel {self.channel_id!r} does not exist; check the channel id"


class WrongSecret(Refusal):
    """The stream key or source password is missing or is not the channel's."""

    def __init__(self, channel_id: str, secret_name: str) -> None:
        super().__init__(channel_id, secret_name)
        self.channel_id = channel_id
        self.secret_name = secret_name

    def __str__(self) -> str:
        return (
            f"wrong {self.secret_name} for channel {self.channel_id}; copy it anew from the panel"
        )


class TypeNotSelected(Refusal):
    """The channel is set to the other stream type."""

    def __init__(self, channel_id: str, wanted: str, selected: str) -> None:
        super().__init__(channel_id, wanted, selected)
        self.channel_id = channel_id
        self.wanted = wanted
        self.selected = selected

    def __str__(self) -> str:
        names = {"hls": "HLS", "icecast": "Icecast"}
        return (
            f"channel {self.channel_id} is set to {names[self.selected]};"
            f" switch it to {names[self.wanted]} first"
        )


class ChannelBusy(Refusal):
    """Another encoder is on air on this channel."""

    def __init__(self, channel_id: str) -> None:
        super().__init__(channel_id)
        self.channel_id = channel_id

    def __str__(self) -> str:
        return f"channel {self.channel_id} is on air from another encoder"


class ChannelDisabled(Refusal):
    """The channel is switched off (`isActive` false)."""

    def __init__(self, channel_id: str) -> None:
        super().__init__(channel_id)
        self.channel_id = channel_id

    def __str__(self) -> str:
        return f"channel {self.channel_id} is disabled; ask the operator to enable it"


class ServiceUnavailable(Refusal):
    """A check could not be made, the database being away for now."""

    def __str__(self) -> str:
        return "the server cannot check the login just now; try again soon"
