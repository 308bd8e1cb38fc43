"""What the models of bodies and answers share: camelCase in JSON, snake_case here. No I/O."""

from datetime import datetime
from typing import Annotated

from pydantic import AliasGenerator, BaseModel, ConfigDict, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel


def format_time(time: datetime) -> str:
    """Return a time of the tables, which is UTC without saying so, in ISO 8601."""
    return time.isoformat(timespec="seconds") + "Z"


UtcTime = Annotated[
    datetime,
    PlainSerializer(format_time, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


class Body(BaseModel):
    """What a client sends: a name that we do not know is refused, for it may be a mistyped one."""

    model_config = ConfigDict(
        defer_build=True,
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        populate_by_name=False,
    )


class Answer(BaseModel):
    """What we send; made by field names or from a row's attributes."""

    model_config = ConfigDict(
        defer_build=True,
        alias_generator=AliasGenerator(serialization_alias=to_camel),
        from_attributes=True,
        frozen=True,
    )

    def to_json(self) -> str:
        """Return the answer's text."""
        return self.model_dump_json(by_alias=True)
