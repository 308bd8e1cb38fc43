"""The settings of a channel that people change, by the JSON names that they know them by. No I/O."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from awazpulse.kinds import Quality
from awazpulse.refusals import InvalidValue

MAX_MAX_LISTENERS = 1_000_000
MAX_BITRATE_KBPS = 2048
MAX_DESCRIPTION_CHARACTERS = 10_000

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]


class ChannelSettings(BaseModel):
    """What may be set; those of both streams are set on each, so that a switch keeps them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name = ""
    description: Annotated[str, Field(max_length=MAX_DESCRIPTION_CHARACTERS)] = ""
    is_active: Annotated[bool, Field(alias="isActive")] = True
    title_charset: Annotated[
        Literal["latin-1", "cp1251", "cp1252", "cp1256"], Field(alias="titleCharset")
    ] = "latin-1"
    max_listeners: Annotated[int, Field(alias="maxListeners", ge=0, le=MAX_MAX_LISTENERS)] = 0
    quality: Quality = Quality.MEDIUM
    bitrate: Annotated[int, Field(ge=8, le=MAX_BITRATE_KBPS)] = 128
    backup_stream_url: Annotated[str, Field(alias="backupStreamUrl", max_length=255)] = ""


OF_CHANNEL = frozenset({"name", "description", "is_active", "title_charset"})
OF_STREAMS = frozenset(
    {"name", "description", "max_listeners", "quality", "bitrate", "backup_stream_url"}
)
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
