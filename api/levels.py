"""The endpoint that tells how loud a channel is, and what its listeners hear."""

from aiohttp import web

from awazpulse.channels.access import may_see_streams
from awazpulse.refusals import Forbidden

from .authentication import identify
from .services import Services


class LevelRoutes:
    """/streams/channel/{id}/levels."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def list_routes(self) -> list[web.RouteDef]:
        """Return the endpoints."""
        return [web.get("/streams/channel/{id}/levels", self._get_levels)]

    async def _get_levels(self, request: web.Request) -> web.Response:
        identity = await identify(request, self._services)
        record = await self._services.channels.get(request.match_info["id"])
        if not may_see_streams(identity, record.channel.owner_id):
            raise Forbidden("only the channel's owner and administrators may see its levels")
        report = self._services.levels.report(record.channel.id)
        body = {
            "channelId": record.channel.id,
            "sound": report.sound,
            "isDeadAir": report.is_dead_air,
            "peakDbfs": report.peak_dbfs,
            "rmsDbfs": report.rms_dbfs,
            "isClipped": report.is_clipped,
            "isMono": report.is_mono,
        }
        return web.json_response(body, headers={"Cache-Control": "no-store"})
