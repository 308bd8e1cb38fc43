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

    async def _rotate(self, call: Call) -> Answer:
        wanted = call.body_as(SwitchTypeBody).stream_type
        channel_id = call.record.channel.id
        made = await self._services.channels.rotate(channel_id, wanted)
        # For what the server remembers of the old one, which it forgets even if it cannot read the rows.
        with suppress(ServiceUnavailable, UnknownChannel):
            await self._services.streams.refresh(channel_id)
        model = HlsCredentialsAnswer if wanted is StreamType.HLS else IcecastCredentialsAnswer
        return model.model_validate(made)
