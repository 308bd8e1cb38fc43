"""What an operator can set: `AWAZPULSE_*` environment variables over an `awazpulse.toml`.

Every field has a unit, a default and one line of explanation, which the README's table repeats. A
wrong value, or a name in the file that is none, is a `SettingsError` of one line.
"""

import contextlib
import ipaddress
import os
import re
import secrets
import tempfile
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from awazpulse.channels.keys import MIN_SECRET_KEY_CHARACTERS
from awazpulse.errors import AwazPulseError
from awazpulse.kinds import MetricsAccess
from awazpulse.ledger.privacy import AddressRule
from awazpulse.logs import LogFormat
from awazpulse.proxies import TrustedProxies, parse_trusted_proxies

PREFIX = "AWAZPULSE_"
CONFIG_FILE = "awazpulse.toml"
SECRET_KEY_FILE = "secret.key"  # noqa: S105  # the name of a file

MAX_PUBLIC_HOST_CHARACTERS = 200  # `streams.streamUrl` has 255 for it, scheme, port and path

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")  # RFC 1123 §2.1, and _ as it is found

_PUBLIC_ORIGIN = re.compile(r"(?i:https?)://(\[[^\]]*\]|[^:]*)(?::([0-9]{1,5}))?")

_ORIGIN = re.compile(r"https?://[^/?#@\s,;'\"]+")  # RFC 6454 §6.1: no path, not even a slash

MAX_PORT = 65_535
Port = Annotated[int, Field(ge=0, le=MAX_PORT)]


class SettingsError(AwazPulseError):
    """A setting that the server cannot work with. The operator's fault; `str()` says what to do."""


class Settings(BaseModel):
    """All settings; `load_settings` is the way to make one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data_dir: Path = Field(
        Path("data"),
        description="folder of the database, the secret key and fallback files; made if missing",
    )
    database_url: SecretStr = Field(
        SecretStr(""),
        description="mysql://USER:PASSWORD@HOST:3306/NAME or sqlite:///PATH;"
        " empty: SQLite in the data folder",
    )
    bind: str = Field("0.0.0.0", description="address to listen on; '::' for IPv6 and IPv4")  # noqa: S104  # a public server
    rtmp_port: Port = Field(1935, description="port for RTMP encoders; 0: the kernel chooses")
    icecast_port: Port = Field(8000, description="port for Icecast encoders and listeners")
    hls_port: Port = Field(8088, description="port for HLS players")
    api_port: Port = Field(3000, description="port of the API")
    cors_origins: str = Field(
        "*",
        description="origins whose pages may read the API's answers, such as https://panel.example,"
        " by commas; *: all, which is safe, for the panel's cookie opens nothing to them",
    )
    embed_hosts: str = Field(
        "",
        description="origins whose pages may show the listener's page in a frame (`?embed=1`), such as"
        " https://station.example, by commas; *: all; empty: none",
    )
    public_host: str = Field(
        "",
        description="name or address in the URLs handed out; empty: the bound one or localhost;"
        " https://radio.example when a proxy serves players and the API there",
    )
    trusted_proxies: str = Field(
        "127.0.0.1,::1",
        description="addresses and networks of proxies, by commas, whose headers say who a client is;"
        " none: no header counts",
    )
    secret_key: SecretStr = Field(
        SecretStr(""),
        description="what secrets in the database are encrypted with and tokens signed, at least"
        f" {MIN_SECRET_KEY_CHARACTERS} characters; empty: made at the first start and kept in the"
        " data folder",
    )
    credential_memory_s: float = Field(
        3600.0,
        ge=0,
        le=604_800,
        description="seconds since its last use for which an encoder's login goes on being good while"
        " the database is away; 0: none",
    )
    jwt_public_key: str = Field(
        "",
        description="public key of another issuer whose tokens the API takes too: PEM, or a file of it",
    )
    jwt_jwks_url: str = Field(
        "", description="or where that issuer shows its keys, such as https://sso.example/jwks.json"
    )
    jwt_issuer: str = Field("", description="what such a token must say in `iss`; empty: anything")
    jwt_audience: str = Field(
        "", description="what such a token must say in `aud`; empty: anything"
    )
    jwt_user_claim: str = Field(
        "sub",
        description="claim of such a token that has the id or the e-mail address of a user here",
    )
    jwt_role_claim: str = Field(
        "role", description="claim of such a token that has the bearer's role, or a list of roles"
    )
    jwt_admin_role: str = Field(
        "admin", description="role in such a token that makes its bearer an administrator"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="how much is logged"
    )
    log_format: LogFormat = Field(
        LogFormat.TEXT, description="what a line of the log is: text, or json (one object)"
    )
    metrics_access: MetricsAccess = Field(
        MetricsAccess.LOOPBACK,
        description="who may read /metrics: loopback (this machine, without a proxy), anybody,"
        " or admin (with an administrator's token)",
    )
    drain_s: float = Field(
        0.0,
        ge=0,
        le=86_400,
        description="seconds for which listeners hear on after SIGTERM, while nobody new is taken;"
        " 0: none",
    )
    source_timeout_s: float = Field(
        10.0, gt=0, le=3600, description="seconds of silence after which an Icecast source is lost"
    )
    rtmp_timeout_s: float = Field(
        20.0, gt=0, le=3600, description="seconds without audio after which an RTMP source is lost"
    )
    head_timeout_s: float = Field(
        15.0, gt=0, le=3600, description="seconds that a client of port 8000 has for its request"
    )
    stall_timeout_s: float = Field(
        30.0, gt=0, le=3600, description="seconds after which a listener that takes nothing goes"
    )
    fanout_min_interval_ms: int = Field(
        100, ge=5, le=5000, description="milliseconds between two sends to one of a few listeners"
    )
    fanout_max_interval_ms: int = Field(
        1000, ge=5, le=5000, description="milliseconds between two sends to one of very many"
    )
    fanout_sends_per_second: int = Field(
        6000, ge=100, le=1_000_000, description="sends a second from which the interval grows"
    )

    webhook_private_addresses: bool = Field(
        False, description="true: webhooks may lead to this machine and its network"
    )
    ledger_days: int = Field(
        365, ge=0, le=36_500, description="days for which listening sessions are kept; 0: for ever"
    )
    ledger_addresses: AddressRule = Field(
        AddressRule.SHORTENED,
        description="what is kept of a listener's address: whole, shortened (to /24 and /48) or none",
    )
    country_database: Path | None = Field(
        None,
        description="MaxMind database file by which listeners' countries are kept; empty: none",
    )

    @model_validator(mode="before")
    @classmethod
    def _leave_out_empty(cls, values: dict[str, Any]) -> dict[str, Any]:
        """An empty variable means the default, as compose files write it."""
        return {name: value for name, value in values.items() if value != ""}

    @field_validator("public_host")
    @classmethod
    def _check_public_host(cls, host: str) -> str:
        if len(host) > MAX_PUBLIC_HOST_CHARACTERS:
            raise ValueError(
                f"got {len(host)} characters, expected {MAX_PUBLIC_HOST_CHARACTERS} at most"
            )
        if host and not _is_bare_host(host) and _split_origin(host) is None:
            raise ValueError(
                f"got {host!r}, expected a bare host name or IP address such as radio.example, or"
                " https://radio.example"
            )
        return host

    @field_validator("trusted_proxies")
    @classmethod
    def _check_trusted_proxies(cls, text: str) -> str:
        parse_trusted_proxies(text)
        return text

    @field_validator("cors_origins", "embed_hosts")
    @classmethod
    def _check_origins(cls, text: str) -> str:
        for part in filter(None, (part.strip() for part in text.split(","))):
            if part != "*" and not _ORIGIN.fullmatch(part):
                raise ValueError(
                    f"got origin {part!r}, expected such as https://panel.example or *"
                )
        return text

    @field_validator("jwt_jwks_url")
    @classmethod
    def _check_jwks_url(cls, text: str) -> str:
        if text and not re.fullmatch(r"https?://[^/?#@\s]+(/\S*)?", text):
            raise ValueError(f"got {text!r}, expected such as https://sso.example/jwks.json")
        return text

    @model_validator(mode="after")
    def _check_together(self) -> "Settings":
        if self.jwt_public_key and self.jwt_jwks_url:
            raise ValueError("jwt_public_key and jwt_jwks_url are both set, expected one of them")
        if not (self.jwt_public_key or self.jwt_jwks_url) and (
            self.jwt_issuer or self.jwt_audience
        ):
            raise ValueError(
                "jwt_issuer or jwt_audience is set without jwt_public_key or jwt_jwks_url"
            )
        if self.fanout_min_interval_ms > self.fanout_max_interval_ms:
            raise ValueError("fanout_min_interval_ms is above fanout_max_interval_ms")
        ports = [p for p in (self.rtmp_port, self.icecast_port, self.hls_port, self.api_port) if p]
        if len(set(ports)) < len(ports):
            raise ValueError("two of the four ports are the same")
        return self

    @property
    def cors_origin_list(self) -> tuple[str, ...]:
        """`cors_origins` one by one."""
        return _split(self.cors_origins)

    @property
    def embed_host_list(self) -> tuple[str, ...]:
        """`embed_hosts` one by one."""
        return _split(self.embed_hosts)

    @property
    def effective_database_url(self) -> str:
        """The database's URL, with its password if it has one."""
        given = self.database_url.get_secret_value()
        return given or f"sqlite:///{quote(str(self.data_dir.absolute() / 'awazpulse.db'))}"

    @property
    def effective_public_host(self) -> str:
        """The host in URLs: without brackets."""
        if self.public_host:
            return (_split_origin(self.public_host) or self.public_host).strip("[]")
        return "localhost" if self.bind in ("0.0.0.0", "::", "") else self.bind  # noqa: S104

    @property
    def public_origin(self) -> str:
        """Scheme, host and port of what a proxy serves; empty without one."""
        is_origin = _split_origin(self.public_host) is not None
        return self.public_host.lower() if is_origin else ""

    @property
    def proxies(self) -> TrustedProxies:
        """`trusted_proxies`, to ask."""
        return parse_trusted_proxies(self.trusted_proxies)


def _split_origin(text: str) -> str | None:
    """Return the host of a scheme, a host and perhaps a port, such as `https://radio.example:8443`."""
    match = _PUBLIC_ORIGIN.fullmatch(text)
    if match is None or not _is_bare_host(match[1]):
        return None
    return match[1] if 0 < int(match[2] or 1) <= MAX_PORT else None


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _is_bare_host(text: str) -> bool:
    if _HOST_NAME.fullmatch(text):
        return True
    inner = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        return ipaddress.IPv6Address(inner).scope_id is None  # a URL has no place for a zone
    except ValueError:
        return False


def load_settings() -> Settings:
    """Read environment and file. Raises `SettingsError`."""
    try:
        return Settings.model_validate(_read_file() | _read_environment())
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            raise SettingsError(f"{CONFIG_FILE}: there is no setting {name!r}") from None
        where = f"{PREFIX}{name.upper()} (or {name} in {CONFIG_FILE}): " if name else ""
        raise SettingsError(f"{where}{message}") from None
    except (OSError, ValueError) as error:
        raise SettingsError(f"{CONFIG_FILE}: {error}") from None


def _read_file() -> dict[str, Any]:
    """Return what the file sets. Raises `OSError`; `ValueError` for a file that is no TOML."""
    try:
        return tomllib.loads(Path(CONFIG_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}


def _read_environment() -> dict[str, Any]:
    """Return what the environment sets, in upper case or in lower case.

    pydantic-settings does this and more, for 1.3 MB of a process that has 100 MB for 19,000 listeners.
    """
    set_here = {name.upper(): text for name, text in os.environ.items()}
    variables = {name: PREFIX + name.upper() for name in Settings.model_fields}
    return {name: set_here[v] for name, v in variables.items() if v in set_here}


def find_unknown_variables() -> list[str]:
    """Return variables that look like ours and are none: spelling mistakes, mostly."""
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    return sorted(n for n in os.environ if n.startswith(PREFIX) and n.upper() not in known)


def prepare_data_dir(settings: Settings) -> Path:
    """Make the data folder if it is missing, and see that it can be written. Raises `SettingsError`."""
    folder = settings.data_dir
    probe = folder / f".write-test-{os.getpid()}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise SettingsError(
            f"cannot write to the data folder {folder}: {error.strerror};"
            f" make it writable or set {PREFIX}DATA_DIR to another one"
        ) from None
    return folder


def load_secret_key(settings: Settings) -> str:
    """Return the secret key; make and keep one at the first start.

    The data folder is there already, by `prepare_data_dir`. Raises `SettingsError`.
    """
    given = settings.secret_key.get_secret_value()
    if given:
        if len(given) < MIN_SECRET_KEY_CHARACTERS:
            raise SettingsError(
                f"{PREFIX}SECRET_KEY has {len(given)} characters,"
                f" expected {MIN_SECRET_KEY_CHARACTERS} or more"
            )
        return given
    path = settings.data_dir / SECRET_KEY_FILE
    if not path.exists():
        _make_secret_key(path)
    return _read_secret_key(path)


def _make_secret_key(path: Path) -> None:
    """Write a new key whole or not at all; of two processes that do so the first one's stays."""
    key = secrets.token_urlsafe(32)
    try:
        descriptor, draft = tempfile.mkstemp(prefix=f".{SECRET_KEY_FILE}-", dir=path.parent)
        try:
            _write_secret(descriptor, key)
            _place_secret_key(Path(draft), path, key)
        finally:
            Path(draft).unlink()
    except OSError as error:
        raise SettingsError(f"cannot write {path}: {error.strerror}") from None


def _place_secret_key(draft: Path, path: Path, key: str) -> None:
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    except OSError:  # no hard links here: exFAT, some network and container file systems
        with contextlib.suppress(FileExistsError):
            _write_secret(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), key)


def _write_secret(descriptor: int, text: str) -> None:
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)  # rows are encrypted with it from now on


def _read_secret_key(path: Path) -> str:
    try:
        key = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"cannot read {path}: {error}") from None
    if len(key) < MIN_SECRET_KEY_CHARACTERS:
        raise SettingsError(f"{path} holds no key; restore it, or remove it to make a new one")
    return key
