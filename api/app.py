"""The application: the endpoints, and what stands around them."""

from collections.abc import Sequence

from aiohttp import web

from awazpulse.proxies import TrustedProxies

from .authentication import AuthRoutes
from .bodies import MAX_BODY_BYTES
from .channels import ChannelRoutes
from .contract import ContractRoutes
from .credentials import CredentialRoutes
from .diagnosis import DiagnosisRoutes
from .dispatch import make_route
from .endpoints import Endpoint
from .events import EventRoutes
from .fallback import FallbackRoutes
from .ledger import LedgerRoutes
from .levels import LevelRoutes
from .metrics import MetricsRoutes
from .middlewares import (
    ANY_ORIGIN,
    answer_errors,
    cut_off_failures,
    make_cors,
    make_identifier,
    note_beginning,
)
from .operations import OperationRoutes
from .panel_files import PanelFiles
from .panel_pages import PanelOptions, PanelPages
from .panel_session import PanelSessionRoutes
from .public import PublicRoutes
from .services import Services
from .streams import StreamRoutes
from .users import UserRoutes
from .webhooks import WebhookRoutes


def list_endpoints(services: Services) -> list[Endpoint]:
    """Return all endpoints, those of the command line included."""
    kinds = (
        AuthRoutes,
        UserRoutes,
        ChannelRoutes,
        StreamRoutes,
        CredentialRoutes,
        FallbackRoutes,
        LevelRoutes,
        DiagnosisRoutes,
        LedgerRoutes,
        EventRoutes,
        PublicRoutes,
        WebhookRoutes,
        OperationRoutes,
        MetricsRoutes,
        PanelSessionRoutes,
    )
    endpoints = [endpoint for kind in kinds for endpoint in kind(services).list_endpoints()]
    contract = ContractRoutes(lambda: endpoints)
    endpoints += contract.list_endpoints()
    return endpoints


def create_app(
    services: Services,
    cors_origins: Sequence[str] = (ANY_ORIGIN,),
    proxies: TrustedProxies | None = None,
    panel: PanelOptions | None = None,
) -> web.Application:
    """Return the API and the panel, to be served by `ApiServer` or by a test.

    `cors_origins`: the origins whose pages may read the answers; the server may change them at any time.
    `proxies`: whose word on who asks is taken.
    """
    answer_preflights, add_cors_headers = make_cors(cors_origins)
    around = [
        make_identifier(proxies or TrustedProxies()),
        answer_preflights,
        answer_errors,
        cut_off_failures,
    ]
    app = web.Application(middlewares=around, client_max_size=MAX_BODY_BYTES)
    app.on_response_prepare.append(add_cors_headers)
    app.on_response_prepare.append(note_beginning)
    app.add_routes([make_route(endpoint, services) for endpoint in list_endpoints(services)])
    app.add_routes(PanelPages(services, panel or PanelOptions(), PanelFiles()).list_routes())
    return app
