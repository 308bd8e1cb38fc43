"""The settings of a channel that people change, by the JSON names that they know them by. No I/O.

The README's table repeats each one's default and description.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from awazpulse.kinds import FormatChange, Quality, TakeoverPolicy
from awazpulse.refusals import InvalidValue
from awazpulse.store.models import (
    DEFAULT_DEAD_AIR_AFTER_S,
    DEFAULT_DEAD_AIR_LEVEL_DBFS,
    DEFAULT_FALLBACK_AFTER_S,
    DEFAULT_GRACE_TIME_S,
    DEFAULT_MAX_LISTENERS,
)

MAX_MAX_LISTENERS = 1_000_000
DEFAULT_BITRATE_KBPS = 128
MAX_BITRATE_KBPS = 2048
MAX_DESCRIPTION_CHARACTERS = 10_000
MAX_GRACE_TIME_S = 600  # a station that is away for longer is off air, and its players may be told
MAX_FALLBACK_AFTER_S = 600  # as long as the longest grace time; later it would never begin
MIN_DEAD_AIR_LEVEL_DBFS, MAX_DEAD_AIR_LEVEL_DBFS = -90, -20  # 16-bit noise; quiet music
MIN_DEAD_AIR_AFTER_S, MAX_DEAD_AIR_AFTER_S = 5, 3600  # a pause in speech; an hour of nothing

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]


class ChannelSettings(BaseModel):
    """What may be set; those of both streams are set on each, so that a switch keeps them."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    name: Name = Field("", description="what listeners see")
    description: str = Field(
        "", max_length=MAX_DESCRIPTION_CHARACTERS, description="what the station is about"
    )
    is_active: bool = Field(
        True, alias="isActive", description="false: nobody may broadcast, and what is on air ends"
    )
    title_charset: Literal["latin-1", "cp1251", "cp1252", "cp1256"] = Field(
        "latin-1", alias="titleCharset", description="charset of titles that are not UTF-8"
    )
    max_listeners: int = Field(
        DEFAULT_MAX_LISTENERS,
        alias="maxListeners",
        ge=0,
        le=MAX_MAX_LISTENERS,
        description="listeners at once",
    )
    quality: Quality = Field(Quality.MEDIUM, description="low, medium, high or hd: a label")
    bitrate: int = Field(
        DEFAULT_BITRATE_KBPS,
        ge=8,
        le=MAX_BITRATE_KBPS,
        description="kbit/s that are shown until the audio tells them",
    )
    backup_stream_url: str = Field(
        "",
        alias="backupStreamUrl",
        max_length=255,
        description="another address, for other programs",
    )
    grace_time: int = Field(
        DEFAULT_GRACE_TIME_S,
        alias="graceTime",
        ge=0,
        le=MAX_GRACE_TIME_S,
        description="seconds that the channel stays on air without its source; 0 to 600",
    )
    takeover: TakeoverPolicy = Field(
        TakeoverPolicy.TAKEOVER,
        description="what a second encoder with the right key does: takeover (it goes on air, the"
        " first one is closed) or refuse (it is turned away)",
    )
    format_change: FormatChange = Field(
        FormatChange.CONTINUE,
        alias="formatChange",
        description="whether Icecast listeners stay when the sample rate or the number of channels"
        " changes: continue, or end (they are closed, and players connect anew)",
    )
    fallback_after: int = Field(
        DEFAULT_FALLBACK_AFTER_S,
        alias="fallbackAfter",
        ge=0,
        le=MAX_FALLBACK_AFTER_S,
        description="seconds after the loss of the source when the fallback begins; 0 to 600",
    )
    always_on: bool = Field(
        False,
        alias="alwaysOn",
        description="true: the fallback alone keeps the channel on air, without an end",
    )
    simulcast: bool = Field(
        False, description="true: HLS and Icecast both run, from one source of either kind"
    )
    dead_air_level: int = Field(
        DEFAULT_DEAD_AIR_LEVEL_DBFS,
        alias="deadAirLevel",
        ge=MIN_DEAD_AIR_LEVEL_DBFS,
        le=MAX_DEAD_AIR_LEVEL_DBFS,
        description="dBFS below which audio counts as silence; -90 to -20",
    )
    dead_air_after: int = Field(
        DEFAULT_DEAD_AIR_AFTER_S,
        alias="deadAirAfter",
        ge=MIN_DEAD_AIR_AFTER_S,
        le=MAX_DEAD_AIR_AFTER_S,
        description="seconds of silence that are dead air; 5 to 3600",
    )
    dead_air_fallback: bool = Field(
        False,
        alias="deadAirFallback",
        description="true: the fallback takes the place of dead air",
    )
    show_listeners: bool = Field(
        False, alias="showListeners", description="true: everybody may know how many listen"
    )


_OF_BOTH = frozenset({"name", "description"})
OF_STREAMS = _OF_BOTH | {"max_listeners", "quality", "bitrate", "backup_stream_url"}
OF_CHANNEL = _OF_BOTH | (frozenset(ChannelSettings.model_fields) - OF_STREAMS)
JSON_NAMES = tuple(
    sorted(field.alias or name for name, field in ChannelSettings.model_fields.items())
)


def parse_settings(given: Mapping[str, object]) -> dict[str, object]:
    """Return the values by attribute name; texts such as '30000' and 'true' are understood.

    Raises `InvalidValue`, which names the setting and what it takes.
    """
    return _validate(given).model_dump(exclude_unset=True)


def describe_settings(given: Mapping[str, object]) -> dict[str, object]:
    """Return the same values by JSON name, as numbers, booleans and texts. Raises `InvalidValue`."""
    return _validate(given).model_dump(mode="json", by_alias=True, exclude_unset=True)


def _validate(given: Mapping[str, object]) -> ChannelSettings:
    unknown = [name for name in given if name not in JSON_NAMES]
    if unknown:
        raise InvalidValue(f"got setting {unknown[0]!r}, expected one of {', '.join(JSON_NAMES)}")
    try:
        return ChannelSettings.model_validate(dict(given))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InvalidValue(f"{place}: got {first['input']!r}; {first['msg']}") from None
