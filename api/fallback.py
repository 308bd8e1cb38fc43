"""The endpoints of a channel's fallback file: what it is, another one, none.

An upload goes to the disk as it comes, never into memory. It holds its connection for
`UPLOAD_TIMEOUT_S` at most and `UPLOAD_IDLE_S` of silence, and there are `MAX_UPLOADS` of them at once,
one per channel.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import PurePath
from typing import TypeVar

from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import Field

from awazpulse.channels.fallback_files import FallbackInfo
from awazpulse.refusals import (
    CannotStore,
    FileTooLarge,
    InvalidValue,
    Refusal,
    ServiceUnavailable,
    UploadUnderWay,
)

from .endpoints import Access, Call, Endpoint
from .models import Answer, Body
from .services import Services

UPLOAD_TIMEOUT_S = 900.0  # 200 MiB at 2 Mbit/s
UPLOAD_IDLE_S = 30.0  # a mobile network's hiccup, not a client that is gone
MAX_UPLOADS = 4  # at once: what they may keep the disk from doing
MAX_PARTS = 16  # of a form, before the file and behind it
MAX_FORM_BYTES = 64 * 1024  # what a form may add to its file
CHUNK_BYTES = 64 * 1024

_SUFFIXES = {
    "audio/aac": ".aac",
    "audio/aacp": ".aac",
    "audio/flac": ".flac",
    "audio/x-flac": ".flac",
    "audio/mp4": ".m4a",
    "audio/x-m4a": ".m4a",
    "audio/mpeg": ".mp3",
    "audio/mp3": ".mp3",
    "audio/ogg": ".ogg",
    "audio/opus": ".opus",
    "audio/wav": ".wav",
    "audio/x-wav": ".wav",
}
_FORM = "multipart/form-data"
_FILE = {"schema": {"type": "string", "format": "binary"}}
_FILE_FORM = {
    "schema": {
        "type": "object",
        "properties": {"file": {"type": "string", "format": "binary"}},
        "required": ["file"],
    }
}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Upload:
    """A file on its way."""

    blocks: AsyncIterator[bytes]
    suffix: str
    untitled: str = ""  # its title, if nobody knows a better one


class FallbackQuery(Body):
    """How the file is shown."""

    title: str = Field(
        "", description="what listeners see; empty: the file's own title, or its name"
    )


class FallbackAnswer(Answer):
    """A channel's fallback; what is not known, because the file is gone or unreadable, is null."""

    title: str
    duration_s: float | None
    bytes: int | None
    file_name: str


class FallbackRoutes:
    """/streams/channel/{id}/fallback."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._uploading: set[str] = set()

    def list_endpoints(self) -> list[Endpoint]:
        """Return the endpoints."""
        path, access, tag = "/streams/channel/{id}/fallback", Access.OWNER_OR_ADMIN, "fallback"
        return [
            Endpoint(
                method="GET",
                path=path,
                handler=self._get,
                access=access,
                tag=tag,
                summary="What the channel plays without its source; null for nothing",
                answer=FallbackAnswer,
                is_nullable=True,
            ),
            Endpoint(
                method="PUT",
                path=path,
                handler=self._put,
                access=access,
                tag=tag,
                summary="Upload what the channel plays without its source",
                description="MP3, AAC, FLAC, Ogg or WAV, as the body or as a form's one file.",
                query=FallbackQuery,
                answer=FallbackAnswer,
                body_content={"audio/*": _FILE, _FORM: _FILE_FORM},
                refusals=(UploadUnderWay, CannotStore),
                statuses=(HTTPStatus.UNSUPPORTED_MEDIA_TYPE,),
            ),
            Endpoint(
                method="DELETE",
                path=path,
                handler=self._delete,
                access=access,
                tag=tag,
                summary="Leave the channel without a fallback",
                status=HTTPStatus.NO_CONTENT,
            ),
        ]

    async def _get(self, call: Call) -> web.Response:
        info = await self._services.fallbacks.get(call.record.channel.id)
        text = _describe(info).to_json() if info is not None else "null"
        return web.Response(text=text, content_type="application/json")

    async def _put(self, call: Call) -> FallbackAnswer:
        request, channel_id = call.request, call.record.channel.id
        self._check_head(request)
        with self._take_turn(channel_id):
            upload = await _open_upload(request)
            info = await self._services.fallbacks.store(
                channel_id,
                upload.blocks,
                suffix=upload.suffix,
                title=call.query_as(FallbackQuery).title,
                untitled=upload.untitled,
            )
        await self._tell(channel_id)
        return _describe(info)

    async def _delete(self, call: Call) -> None:
        await self._services.fallbacks.remove(call.record.channel.id)
        await self._tell(call.record.channel.id)

    def _check_head(self, request: web.Request) -> None:
        """Refuse by its head what need not be read."""
        is_form = request.content_type == _FORM
        if not is_form and not request.content_type.startswith("audio/"):
            raise web.HTTPUnsupportedMediaType(
                text=f"got Content-Type {request.content_type[:64]!r}, expected audio/* or {_FORM}"
            )
        max_bytes = self._services.fallbacks.max_bytes
        if (request.content_length or 0) > max_bytes + (MAX_FORM_BYTES if is_form else 0):
            raise FileTooLarge(max_bytes)

    @contextmanager
    def _take_turn(self, channel_id: str) -> Iterator[None]:
        """Raise `UploadUnderWay` or `ServiceUnavailable` where there are too many already."""
        if channel_id in self._uploading:
            raise UploadUnderWay(channel_id)
        if len(self._uploading) >= MAX_UPLOADS:
            raise ServiceUnavailable(f"take another upload besides {MAX_UPLOADS}")
        self._uploading.add(channel_id)
        try:
            yield
        finally:
            self._uploading.remove(channel_id)

    async def _tell(self, channel_id: str) -> None:
        """Have what is on air take the change up at once; it does so by itself within seconds."""
        with suppress(Refusal):
            await self._services.streams.refresh(channel_id)


def _describe(info: FallbackInfo) -> FallbackAnswer:
    return FallbackAnswer(
        title=info.title,
        duration_s=info.duration_s,
        bytes=info.size_bytes,
        file_name=info.file_name,
    )


class _Patience:
    """Waits for parts of one body: for each of them, and for all together, only so long."""

    def __init__(self) -> None:
        self._deadline = asyncio.get_running_loop().time() + UPLOAD_TIMEOUT_S

    async def wait(self, part: Awaitable[T]) -> T:
        left_s = max(0.0, self._deadline - asyncio.get_running_loop().time())
        try:
            async with asyncio.timeout(min(UPLOAD_IDLE_S, left_s)):
                return await part
        except TimeoutError:
            raise web.HTTPRequestTimeout(
                text=f"the body paused for {UPLOAD_IDLE_S:g} s"
                f" or did not arrive within {UPLOAD_TIMEOUT_S:g} s"
            ) from None


async def _open_upload(request: web.Request) -> _Upload:
    """Return the file in a request's body. Raises `InvalidValue` for a form that has none."""
    patience = _Patience()
    if request.content_type != _FORM:
        suffix = _SUFFIXES.get(request.content_type, "")
        return _Upload(_read_body(request, patience), suffix)
    with _refusing_malformed_forms():
        form = await request.multipart()
        file = await _find_file(form, patience)
    if file is None:
        raise InvalidValue("the form has no file")
    name = PurePath(file.filename or "")
    content_type = file.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    suffix = _SUFFIXES.get(content_type, name.suffix.lower())
    return _Upload(_read_file(form, file, patience), suffix, name.stem)


async def _read_body(request: web.Request, patience: _Patience) -> AsyncIterator[bytes]:
    while block := await patience.wait(request.content.readany()):
        yield block


async def _read_file(
    form: MultipartReader, file: BodyPartReader, patience: _Patience
) -> AsyncIterator[bytes]:
    with _refusing_malformed_forms():
        while block := await patience.wait(file.read_chunk(CHUNK_BYTES)):
            yield block
        if await _find_file(form, patience) is not None:
            raise InvalidValue("the form has more than one file")


async def _find_file(form: MultipartReader, patience: _Patience) -> BodyPartReader | None:
    """Return the next part that is a file; what else there is in a form is passed over."""
    for _ in range(MAX_PARTS):
        part = await patience.wait(form.next())
        if part is None:
            return None
        if isinstance(part, BodyPartReader) and part.filename is not None:
            return part
    raise InvalidValue(f"the form has more than {MAX_PARTS} parts")


@contextmanager
def _refusing_malformed_forms() -> Iterator[None]:
    """Turn what aiohttp raises for a form that is none into `InvalidValue`."""
    try:
        yield
    except (ValueError, RuntimeError, HttpProcessingError):
        raise InvalidValue("the body is not the form that its Content-Type says") from None
