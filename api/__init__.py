"""Port 3000: the JSON API. Imports none of `ingest`, `icecast_compat` and `hls`."""

from .app import create_app
from .server import ApiServer
from .services import Services

__all__ = ["ApiServer", "Services", "create_app"]
