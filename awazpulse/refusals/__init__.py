"""Why a rule of ours says no: reasons that a station owner or a listener can act on. No I/O.

Each carries the facts; `str()` makes the sentence. Protocols map the class to their own answer
(RTMP's `NetStream.Publish.BadName`, HTTP's 401, 403, 404).
"""

import re
from collections.abc import Sequence

from awazpulse.errors import AwazPulseError
from awazpulse.kinds import StreamType


class Refusal(AwazPulseError):
    """Refused by policy; nothing has changed."""

    @property
    def code(self) -> str:
        """Its kind as a word for programs, such as `wrong_secret`."""
        return find_code(type(self))


def find_code(kind: type[Refusal]) -> str:
    """Return the word for programs that refusals of this class have."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()


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
        return f"wrong {self.secret_name} for channel {self.channel_id}; copy it anew from the channel's credentials"


class TypeNotSelected(Refusal):
    """The channel is set to the other stream type."""

    def __init__(self, channel_id: str, wanted: StreamType, selected: StreamType) -> None:
        super().__init__(channel_id, wanted, selected)
        self.channel_id = channel_id
        self.wanted = wanted
        self.selected = selected

    def __str__(self) -> str:
        return (
            f"channel {self.channel_id} is set to {self.selected.label};"
            f" switch it to {self.wanted.label} first"
        )


class ChannelBusy(Refusal):
    """Another encoder is on air on this channel."""

    def __init__(self, channel_id: str) -> None:
        super().__init__(channel_id)
        self.channel_id = channel_id

    def __str__(self) -> str:
        return f"channel {self.channel_id} is on air from another encoder"


class EncodersFight(Refusal):
    """Two encoders with the same key take the channel from each other."""

    def __init__(self, channel_id: str, on_air_address: str, kept_for_s: float) -> None:
        super().__init__(channel_id, on_air_address, kept_for_s)
        self.channel_id = channel_id
        self.on_air_address = on_air_address
        self.kept_for_s = kept_for_s

    def __str__(self) -> str:
        return (
            f"two encoders use the key of channel {self.channel_id} and take it from each other;"
            f" the one at {self.on_air_address} keeps it for {self.kept_for_s:.0f} s, stop one of them"
        )


class EncoderGone(Refusal):
    """The encoder has left, or given up, while its login was checked."""

    def __init__(self, channel_id: str) -> None:
        super().__init__(channel_id)
        self.channel_id = channel_id

    def __str__(self) -> str:
        return f"the encoder of channel {self.channel_id} left before it was accepted"


class ChannelDisabled(Refusal):
    """The channel is switched off (`isActive` false)."""

    def __init__(self, channel_id: str) -> None:
        super().__init__(channel_id)
        self.channel_id = channel_id

    def __str__(self) -> str:
        return f"channel {self.channel_id} is disabled; ask the operator to enable it"


class AccountDisabled(ChannelDisabled):
    """The account of the channel's owner is disabled."""

    def __str__(self) -> str:
        return (
            f"the account of the owner of channel {self.channel_id} is disabled; ask the operator"
        )


class ChannelInMaintenance(ChannelDisabled):
    """The selected stream's status is `maintenance`, which somebody set on purpose."""

    def __str__(self) -> str:
        return f"channel {self.channel_id} is in maintenance; try again when it is over"


class UnsupportedFormat(Refusal):
    """An encoder sends, or announces, what no delivery can take."""

    def __init__(self, channel_id: str, detail: str) -> None:
        super().__init__(channel_id, detail)
        self.channel_id = channel_id
        self.detail = detail

    def __str__(self) -> str:
        return self.detail


class OffAir(Refusal):
    """There is nothing on air that this could be done to."""

    def __init__(self, channel_id: str) -> None:
        super().__init__(channel_id)
        self.channel_id = channel_id

    def __str__(self) -> str:
        return f"channel {self.channel_id} is off air; connect an encoder first"


class ServiceUnavailable(Refusal):
    """The database is away for now, or the server is stopping."""

    def __init__(self, doing: str = "check the login") -> None:
        super().__init__(doing)
        self.doing = doing

    def __str__(self) -> str:
        return f"the server cannot {self.doing} just now; try again soon"


class ServerDraining(ServiceUnavailable):
    """The server is about to stop, and takes nobody new."""

    def __init__(self) -> None:
        super().__init__("take anybody new")

    def __str__(self) -> str:
        return "the server is about to stop and takes nobody new; try again in a moment"


class NotReady(Refusal):
    """The server cannot do all of its work just now; `missing` says what it lacks."""

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__(missing)
        self.missing = tuple(missing)

    def __str__(self) -> str:
        return f"not ready: {'; '.join(self.missing)}"


class InvalidValue(Refusal):
    """A value that somebody asked for is none that we can take; the text says which are."""


class UnusableFile(InvalidValue):
    """A file that somebody gave is none that we can play; the text says why."""


class FileTooLarge(Refusal):
    """A file that somebody gave is over the limit."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(max_bytes)
        self.max_bytes = max_bytes

    def __str__(self) -> str:
        return f"the file is too large, expected {self.max_bytes / 1024**2:g} MiB at most"


class CannotStore(Refusal):
    """The server's disk is full, or takes no file for another reason. The operator's to mend."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"the server cannot store the file ({self.reason}); nothing has changed"


class UploadUnderWay(Refusal):
    """Another upload for the same channel has not ended yet."""

    def __init__(self, channel_id: str) -> None:
        super().__init__(channel_id)
        self.channel_id = channel_id

    def __str__(self) -> str:
        return (
            f"another upload for channel {self.channel_id} is under way; try again when it is over"
        )


class TooManyReaders(Refusal):
    """So many read events from this address, without a login, that no more are let in."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.most = most

    def __str__(self) -> str:
        return f"{self.most} readers of events come from your address already; close some"


class AlreadyExists(Refusal):
    """The channel id or the e-mail address is taken."""


class UnknownUser(Refusal):
    """There is no such user."""

    def __init__(self, email_or_id: str) -> None:
        super().__init__(email_or_id)
        self.email_or_id = email_or_id

    def __str__(self) -> str:
        return f"user {self.email_or_id!r} does not exist"


class UnknownWebhook(Refusal):
    """The channel has no webhook of this id."""

    def __init__(self, webhook_id: str) -> None:
        super().__init__(webhook_id)
        self.webhook_id = webhook_id

    def __str__(self) -> str:
        return f"webhook {self.webhook_id[:64]!r} does not exist"


class LastAdministrator(Refusal):
    """Without this administrator nobody could manage users any more."""

    def __str__(self) -> str:
        return "this is the last administrator; make another one first"


class LimitReached(Refusal):
    """An owner has as much as the operator allows."""


class WrongLogin(Refusal):
    """The e-mail address or the password is wrong; which of them is not told."""

    def __str__(self) -> str:
        return "the e-mail address or the password is wrong"


class InvalidToken(Refusal):
    """The access token is missing, expired, or none of ours."""


class Forbidden(Refusal):
    """Signed in, and not allowed to do this."""


class UnreadableSecrets(Refusal):
    """What is encrypted in the database cannot be read with the present secret key."""

    def __init__(self, channel_id: str) -> None:
        super().__init__(channel_id)
        self.channel_id = channel_id

    def __str__(self) -> str:
        return (
            f"the secrets of channel {self.channel_id} were saved with another secret key;"
            " restore that key (AWAZPULSE_SECRET_KEY) or make new secrets"
            f" (awazpulse channel rotate {self.channel_id} hls, and icecast)"
        )
