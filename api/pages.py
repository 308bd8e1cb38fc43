"""Long lists in pages: `?limit=` and `?after=`, the last id of the page before."""

from typing import Annotated

from pydantic import Field

from .models import Answer, Body

MAX_PAGE = 500
DEFAULT_PAGE = 100


class PageQuery(Body):
    """Which page."""

    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = DEFAULT_PAGE
    after: Annotated[str, Field(max_length=64)] = Field(
        "", description="the `next` of the page before"
    )


class Page(Answer):
    """What all pages have."""

    next: str | None = Field(
        description="what `after` must be for the next page; null: the last one"
    )
