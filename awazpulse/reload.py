"""SIGHUP: takes up what has changed in the settings while everybody stays on air.

The settings are read anew: the file, and over it the environment of the process, which nobody can change
from outside. All of them are taken up or none. What only a start can take up keeps its value, and one
line names it. Values are never logged: some of them are secrets.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from awazpulse.settings import Settings, SettingsError, load_settings

logger = logging.getLogger(__name__)

NEEDS_RESTART = frozenset(
    {
        "api_port",
        "bind",
        "data_dir",
        "database_url",
        "hls_port",
        "icecast_port",
        "rtmp_port",
        "secret_key",
        "trusted_proxies",
        "credential_memory_s",
        "jwt_admin_role",
        "jwt_audience",
        "jwt_issuer",
        "jwt_jwks_url",
        "jwt_public_key",
        "jwt_role_claim",
        "jwt_user_claim",
        "webhook_private_addresses",
    }
)

Prepare = Callable[[Settings], Callable[[], None]]


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs between two readings of the settings, by name, and what is in force from now on."""

    settings: Settings
    live: tuple[str, ...]
    needs_restart: tuple[str, ...]


def find_changes(present: Settings, read: Settings) -> Changes:
    """Return what changes when settings are read while others are in force."""
    names = [
        name for name in Settings.model_fields if getattr(present, name) != getattr(read, name)
    ]
    kept = {name: getattr(present, name) for name in NEEDS_RESTART}
    return Changes(
        read.model_copy(update=kept),
        tuple(name for name in names if name not in NEEDS_RESTART),
        tuple(name for name in names if name in NEEDS_RESTART),
    )


class Reloader:
    """Takes settings up anew whenever it is asked to.

    `prepare(settings)` raises `SettingsError` for what cannot be, and changes nothing; what it returns takes
    the settings up.
    """

    def __init__(
        self, settings: Settings, prepare: Prepare, load: Callable[[], Settings] = load_settings
    ) -> None:
        self.settings = settings  # in force
        self._prepare = prepare
        self._load = load

    def reload(self) -> None:
        """Read the settings and take them up; with a fault in them, leave all as it is and log it."""
        try:
            changes = find_changes(self.settings, self._load())
            take_up = self._prepare(changes.settings)
        except SettingsError as error:
            logger.error("the settings stay as they were: %s", error)  # noqa: TRY400  # no traceback: it is a text for the operator
            return
        self.settings = changes.settings
        take_up()
        if changes.needs_restart:
            logger.warning("changed, but needs a restart: %s", ", ".join(changes.needs_restart))
        logger.info("settings read again; changed: %s", ", ".join(changes.live) or "nothing")
