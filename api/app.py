"""The application: the endpoints, and what stands around them."""

from aiohttp import web

from .authentication import AuthRoutes
from .bodies import MAX_BODY_BYTES
from .fallback import FallbackRoutes
from .levels import LevelRoutes
from .middlewares import allow_browsers, answer_errors
from .operations import OperationRoutes
from .services import Services
from .streams import StreamRoutes


def create_app(services: Services) -> web.Application:
    """Return the API, to be served by `ApiServer` or by a test."""
    app = web.Application(
        middlewares=[allow_browsers, answer_errors], client_max_size=MAX_BODY_BYTES
    )
    for kind in (AuthRoutes, StreamRoutes, FallbackRoutes, LevelRoutes, OperationRoutes):
        app.add_routes(kind(services).list_routes())
    return app
