"""The endpoint that tells how loud a channel is, and what its listeners hear."""

from pydantic import Field

from .endpoints import Access, Call, Endpoint
from .models import Answer
from .services import Services


class LevelsAnswer(Answer):
    """How loud a channel is, each side in dBFS; null off air and while nothing has been measured."""

    channel_id: str
    sound: str = Field(description="what listeners hear: source, silence, fallback or nothing")
    is_dead_air: bool
    peak_dbfs: tuple[float, ...] | None
    rms_dbfs: tuple[float, ...] | None
    is_clipped: bool | None
    is_mono: bool | None = Field(description="whether both sides are the same")


class LevelRoutes:
    """/streams/channel/{id}/levels."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def list_endpoints(self) -> list[Endpoint]:
        """Return the endpoints."""
        return [
            Endpoint(
                method="GET",
                path="/streams/channel/{id}/levels",
                handler=self._get_levels,
                access=Access.OWNER_OR_ADMIN,
                tag="channels on air",
                summary="How loud the channel is",
                description="While somebody asks, the levels are new once a second.",
                answer=LevelsAnswer,
                is_secret=True,
            )
        ]

    async def _get_levels(self, call: Call) -> LevelsAnswer:
        report = self._services.levels.report(call.record.channel.id)
        return LevelsAnswer(
            channel_id=call.record.channel.id,
            sound=report.sound,
            is_dead_air=report.is_dead_air,
            peak_dbfs=report.peak_dbfs,
            rms_dbfs=report.rms_dbfs,
            is_clipped=report.is_clipped,
            is_mono=report.is_mono,
        )
