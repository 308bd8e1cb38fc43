"""The endpoint that tells an owner why the station cannot be heard."""

from datetime import UTC, datetime

from pydantic import Field

from awazpulse.channels.diagnosis import Report, SourceFacts
from awazpulse.channels.events import ChannelChange
from awazpulse.channels.happenings import Happening
from awazpulse.channels.live_channels import AudioFacts
from awazpulse.channels.quality import Quality
from awazpulse.kinds import StreamType

from .endpoints import Access, Call, Endpoint
from .models import Answer, UtcTime
from .services import Services


class SourceAnswer(Answer):
    """The encoder that is connected."""

    address: str
    encoder: str = Field(description="what it says that it is")
    connected_seconds: float


class AudioAnswer(Answer):
    """What is sent to listeners now."""

    codec: str
    sample_rate: int
    channels: int
    bitrate_kbps: int | None


class QualityAnswer(Answer):
    """How well the encoder's audio has come since it connected."""

    bitrate_kbps: int | None
    gaps: int = Field(description="times in which nothing came for 2.5 s and more")
    longest_gap_seconds: float
    clock_percent: float | None = Field(
        description="how much faster than ours the encoder's clock is; null in the first minute"
    )


class HappeningAnswer(Answer):
    """Something that happened. The same refusal of the same peer is one, with its count."""

    type: ChannelChange
    stream_type: StreamType
    time: UtcTime
    first_time: UtcTime
    count: int
    data: dict[str, object] = Field(description="what is known of it: reason, detail, address...")


class DiagnosisAnswer(Answer):
    """A channel as it is now, and the last 50 things that happened, the newest first."""

    channel_id: str
    state: str = Field(description="off, on air, waiting for its source, on fallback or ending")
    sound: str = Field(description="what listeners hear: source, silence, fallback or nothing")
    on_air_seconds: float | None
    source: SourceAnswer | None
    audio: AudioAnswer | None
    quality: QualityAnswer | None
    happenings: list[HappeningAnswer]


class DiagnosisRoutes:
    """/streams/channel/{id}/diagnosis."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def list_endpoints(self) -> list[Endpoint]:
        """Return the endpoints."""
        return [
            Endpoint(
                method="GET",
                path="/streams/channel/{id}/diagnosis",
                handler=self._get_diagnosis,
                access=Access.OWNER_OR_ADMIN,
                tag="channels on air",
                summary="Why the channel can be heard or not, and what has happened to it",
                description="Refused logins, encoders that came and went and who ended them,"
                " takeovers, and how well the audio comes; since the server's start.",
                answer=DiagnosisAnswer,
                is_secret=True,
            )
        ]

    async def _get_diagnosis(self, call: Call) -> DiagnosisAnswer:
        channel_id = call.record.channel.id
        report = self._services.diagnosis.report(channel_id)
        return _describe(channel_id, report)


def _describe(channel_id: str, report: Report) -> DiagnosisAnswer:
    return DiagnosisAnswer(
        channel_id=channel_id,
        state=report.state,
        sound=report.sound,
        on_air_seconds=report.on_air_s,
        source=_describe_source(report.source),
        audio=_describe_audio(report.audio),
        quality=_describe_quality(report.quality),
        happenings=[_describe_happening(happening) for happening in report.happenings],
    )


def _describe_source(source: SourceFacts | None) -> SourceAnswer | None:
    if source is None:
        return None
    return SourceAnswer(
        address=source.address, encoder=source.encoder, connected_seconds=source.connected_s
    )


def _describe_audio(audio: AudioFacts | None) -> AudioAnswer | None:
    return None if audio is None else AudioAnswer.model_validate(audio)


def _describe_quality(quality: Quality | None) -> QualityAnswer | None:
    if quality is None:
        return None
    return QualityAnswer(
        bitrate_kbps=quality.bitrate_kbps,
        gaps=quality.gaps,
        longest_gap_seconds=quality.longest_gap_s,
        clock_percent=quality.clock_percent,
    )


def _describe_happening(happening: Happening) -> HappeningAnswer:
    return HappeningAnswer(
        type=happening.kind,
        stream_type=StreamType(happening.stream_type),
        time=_to_time(happening.time),
        first_time=_to_time(happening.first_time),
        count=happening.count,
        data=happening.facts,
    )


def _to_time(wall: float) -> datetime:
    return datetime.fromtimestamp(wall, UTC).replace(tzinfo=None)
