"""Port 3000: the JSON API. Imports none of `ingest`, `icecast_compat` and `hls`."""

from api.app import create_app
from api.server import ApiServer
from api.services import Services

__all__ = ["ApiServer", "Services", "create_app"]
