"""The endpoints of a channel's secrets: shown to its owner, and made anew."""

from contextlib import suppress

from pydantic import Field

from awazpulse.kinds import StreamType
from awazpulse.refusals import ServiceUnavailable, UnknownChannel, UnreadableSecrets

from .bodies import SwitchTypeBody
from .endpoints import Access, Call, Endpoint
from .models import Answer, Body
from .services import Services

_TAG = "credentials"
_PATH = "/streams/channel/{id}"


class HlsCredentialsAnswer(Answer):
    """For OBS."""

    stream_type: StreamType
    rtmp_url: str
    stream_key: str
    playback_url: str


class IcecastCredentialsAnswer(Answer):
    """For BUTT."""

    stream_type: StreamType
    server: str
    port: int
    mount_point: str
    username: str
    password: str
    playback_url: str


class BothCredentialsAnswer(Answer):
    """Both ways on air."""

    hls: HlsCredentialsAnswer
    icecast: IcecastCredentialsAnswer


class HlsAddressesAnswer(Answer):
    """For OBS, without its stream key."""

    rtmp_url: str
    playback_url: str


class IcecastAddressesAnswer(Answer):
    """For BUTT, without its password."""

    server: str
    port: int
    mount_point: str
    username: str
    playback_url: str


class AddressesAnswer(Answer):
    """Both ways on air, without the secrets."""

    hls: HlsAddressesAnswer
    icecast: IcecastAddressesAnswer


class CredentialsQuery(Body):
    """Which credentials."""

    stream_type: StreamType | None = Field(None, description="of one type alone")


class CredentialRoutes:
    """/streams/channel/{id}/credentials and what is below it."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def list_endpoints(self) -> list[Endpoint]:
        """Return the endpoints."""
        return [
            Endpoint(
                method="GET",
                path=f"{_PATH}/credentials",
                handler=self._get_credentials,
                access=Access.OWNER,
                tag=_TAG,
                summary="What encoders must be told",
                description="With `streamType` the answer is that type's alone.",
                query=CredentialsQuery,
                answer=BothCredentialsAnswer,
                others=(HlsCredentialsAnswer, IcecastCredentialsAnswer),
                refusals=(UnreadableSecrets,),
                is_secret=True,
            ),
            Endpoint(
                method="GET",
                path=f"{_PATH}/addresses",
                handler=self._get_addresses,
                access=Access.OWNER_OR_ADMIN,
                tag=_TAG,
                summary="Where encoders and players connect to: the credentials without their secrets",
                answer=AddressesAnswer,
                refusals=(UnreadableSecrets,),
            ),
            Endpoint(
                method="POST",
                path=f"{_PATH}/credentials/rotate",
                handler=self._rotate,
                access=Access.OWNER,
                tag=_TAG,
                summary="Make the secret of a type anew",
                description="The old one opens nothing any more; what is on air stays on air.",
                body=SwitchTypeBody,
                answer=HlsCredentialsAnswer,
                others=(IcecastCredentialsAnswer,),
                is_secret=True,
            ),
        ]

    async def _get_credentials(self, call: Call) -> Answer:
        credentials = self._services.channels.read_credentials(call.record.channel)
        hls = HlsCredentialsAnswer.model_validate(credentials.hls)
        icecast = IcecastCredentialsAnswer.model_validate(credentials.icecast)
        match call.query_as(CredentialsQuery).stream_type:
            case StreamType.HLS:
                return hls
            case StreamType.ICECAST:
                return icecast
        return BothCredentialsAnswer(hls=hls, icecast=icecast)

    async def _get_addresses(self, call: Call) -> AddressesAnswer:
        credentials = self._services.channels.read_credentials(call.record.channel)
        return AddressesAnswer(
            hls=HlsAddressesAnswer.model_validate(credentials.hls),
            icecast=IcecastAddressesAnswer.model_validate(credentials.icecast),
        )

    async def _rotate(self, call: Call) -> Answer:
        wanted = call.body_as(SwitchTypeBody).stream_type
        channel_id = call.record.channel.id
        made = await self._services.channels.rotate(channel_id, wanted)
        # For what the server remembers of the old one, which it forgets even if it cannot read the rows.
        with suppress(ServiceUnavailable, UnknownChannel):
            await self._services.streams.refresh(channel_id)
        model = HlsCredentialsAnswer if wanted is StreamType.HLS else IcecastCredentialsAnswer
        return model.model_validate(made)
