"""The endpoints that tell who listens and who listened, what played, and how much it was heard."""

import csv
import io
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated

from aiohttp import web
from pydantic import AfterValidator, BeforeValidator, Field

from awazpulse.kinds import StreamType
from awazpulse.ledger.reader import Report
from awazpulse.ledger.reports import HOUR_MS, Bucket, Performed, Span
from awazpulse.refusals import InvalidValue
from awazpulse.store import ListeningSession, Performance

from .endpoints import Access, Call, Endpoint, Result
from .models import Answer, Body, UtcTime
from .pages import DEFAULT_PAGE, MAX_PAGE, Page
from .services import Services

_TAG = "audience"
_PATH = "/streams/channel/{id}"
MAX_OPEN_SESSIONS = 500  # that are shown one by one
MAX_NUMBER = 2**63 - 1
DEFAULT_DAYS = 1
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_CSV_TYPE = "text/csv"
_CSV = {_CSV_TYPE: {"schema": {"type": "string"}}}


class Format(StrEnum):
    """How an answer is written."""

    JSON = "json"
    CSV = "csv"


class Pieces(StrEnum):
    """How long the pieces of a report are."""

    NONE = "none"
    HOUR = "hour"
    DAY = "day"


_PIECE_MS = {Pieces.NONE: None, Pieces.HOUR: HOUR_MS, Pieces.DAY: 24 * HOUR_MS}


def _require_date(text: object) -> object:
    """Refuse a number, which pydantic would take for seconds since 1970."""
    if isinstance(text, str) and not _DATE.match(text):
        raise ValueError("expected a time such as 2026-03-01T00:00:00Z")
    return text


def _to_utc(time: datetime) -> datetime:
    """Take a time without a zone for UTC."""
    try:
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except OverflowError:
        raise ValueError("the time is out of range") from None


Time = Annotated[datetime, BeforeValidator(_require_date), AfterValidator(_to_utc)]


class SpanQuery(Body):
    """Which span of time: the last day, if it is not said."""

    start: Time | None = Field(
        None, alias="from", description="ISO 8601, UTC if it names no zone; by default a day ago"
    )
    end: Time | None = Field(None, alias="to", description="up to, and without; by default now")
    format: Format = Format.JSON

    def to_span(self) -> Span:
        """Return the span. Raises `InvalidValue`."""
        end = self.end or datetime.now(UTC)
        try:
            start = self.start or end - timedelta(days=DEFAULT_DAYS)
        except OverflowError:
            raise InvalidValue("the span is out of range") from None
        span = Span(_to_ms(start), _to_ms(end))
        if span.length_ms <= 0 or span.start_ms < 0:
            raise InvalidValue("'from' must be before 'to', and after 1970")
        return span


class LedgerQuery(SpanQuery):
    """Which page of which span."""

    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = DEFAULT_PAGE
    after: Annotated[int, Field(ge=0, le=MAX_NUMBER)] | None = Field(
        None, description="the `next` of the page before"
    )


class ReportQuery(SpanQuery):
    """Which report."""

    pieces: Pieces = Field(
        Pieces.NONE, description="also for each hour or day, counted from `from`"
    )


class SessionAnswer(Answer):
    """A listener from coming to going. `seconds` counts up to now while it listens."""

    id: str
    stream_type: StreamType
    started_at: UtcTime
    ended_at: UtcTime | None
    seconds: float
    bytes: int | None
    user_agent: str
    address: str = Field(description="whole, shortened or empty, as the server is set")
    country: str | None


class ListenersAnswer(Answer):
    """Who listens now. `sessions` has the newest; a session is there half a second after it began."""

    channel_id: str
    listeners: int
    by_type: dict[StreamType, int]
    peak_by_type: dict[StreamType, int] = Field(description="since the channel went on air")
    sessions: list[SessionAnswer]


class SessionsPage(Page):
    """Sessions, the newest first."""

    items: list[SessionAnswer]


class PerformanceAnswer(Answer):
    """A title and when it played; `seconds` counts up to now while it plays."""

    id: str
    stream_type: StreamType
    started_at: UtcTime
    ended_at: UtcTime | None
    seconds: float
    title: str
    artist: str
    track: str


class HistoryPage(Page):
    """Titles, the newest first."""

    items: list[PerformanceAnswer]


class PieceAnswer(Answer):
    """An hour or a day of a report."""

    start: UtcTime
    hours: float
    average_listeners: float
    peak_listeners: int


class PerformedAnswer(Answer):
    """A title with all the times that it played."""

    title: str
    artist: str
    track: str
    plays: int
    seconds: float
    hours: float = Field(description="that all listeners together heard of it")
    audience: int = Field(description="sessions that heard any of it, added up over its plays")
    average_listeners: float


class ReportAnswer(Answer):
    """How much a channel was heard, of both deliveries. `hours` are aggregate tuning hours."""

    channel_id: str
    start: UtcTime
    end: UtcTime
    sessions: int
    hours: float
    peak_listeners: int
    peak_at: UtcTime | None
    pieces: list[PieceAnswer]
    performances: list[PerformedAnswer]


class LedgerRoutes:
    """/streams/channel/{id}: listeners, sessions, history, report."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def list_endpoints(self) -> list[Endpoint]:
        """Return the endpoints."""
        return [
            Endpoint(
                method="GET",
                path=_PATH + "/listeners",
                handler=self._get_listeners,
                access=Access.OWNER_OR_ADMIN,
                tag=_TAG,
                summary="Who listens now",
                answer=ListenersAnswer,
                is_secret=True,
            ),
            Endpoint(
                method="GET",
                path=_PATH + "/sessions",
                handler=self._get_sessions,
                access=Access.OWNER_OR_ADMIN,
                tag=_TAG,
                summary="Who listened: sessions that began within a span",
                description="Of two seconds and more. As CSV all of the span, without pages.",
                query=LedgerQuery,
                answer=SessionsPage,
                content=_CSV,
                is_secret=True,
            ),
            Endpoint(
                method="GET",
                path=_PATH + "/history",
                handler=self._get_history,
                access=Access.OWNER_OR_ADMIN,
                tag=_TAG,
                summary="What played: titles that began within a span",
                query=LedgerQuery,
                answer=HistoryPage,
                content=_CSV,
                is_secret=True,
            ),
            Endpoint(
                method="GET",
                path=_PATH + "/report",
                handler=self._get_report,
                access=Access.OWNER_OR_ADMIN,
                tag=_TAG,
                summary="How much the channel was heard: hours, peaks, and each title's audience",
                description="As CSV the titles, or with `pieces` the hours or days.",
                query=ReportQuery,
                answer=ReportAnswer,
                content=_CSV,
                is_secret=True,
            ),
        ]

    async def _get_listeners(self, call: Call) -> ListenersAnswer:
        channel_id = call.record.channel.id
        counts = self._services.streams.count_listeners(channel_id)
        ledger = self._services.ledger
        sessions = await ledger.list_open(channel_id, MAX_OPEN_SESSIONS)
        now_ms = ledger.now_ms()
        return ListenersAnswer(
            channel_id=channel_id,
            listeners=sum(counts.now.values()),
            by_type=counts.now,
            peak_by_type=counts.peak,
            sessions=[_describe_session(row, now_ms) for row in sessions],
        )

    async def _get_sessions(self, call: Call) -> Result:
        query, channel_id = call.query_as(LedgerQuery), call.record.channel.id
        span, ledger = query.to_span(), self._services.ledger
        if query.format is Format.CSV:
            rows = ledger.iterate_sessions(channel_id, span)
            return await _stream_csv(call, SessionAnswer, _describe_sessions(rows, ledger.now_ms()))
        found = await ledger.list_sessions(channel_id, span, query.after, query.limit + 1)
        items = [_describe_session(row, ledger.now_ms()) for row in found[: query.limit]]
        return SessionsPage(items=items, next=_find_next(items, found))

    async def _get_history(self, call: Call) -> Result:
        query, channel_id = call.query_as(LedgerQuery), call.record.channel.id
        span, ledger = query.to_span(), self._services.ledger
        if query.format is Format.CSV:
            rows = ledger.iterate_performances(channel_id, span)
            described = _describe_performances(rows, ledger.now_ms())
            return await _stream_csv(call, PerformanceAnswer, described)
        found = await ledger.list_performances(channel_id, span, query.after, query.limit + 1)
        items = [_describe_performance(row, ledger.now_ms()) for row in found[: query.limit]]
        return HistoryPage(items=items, next=_find_next(items, found))

    async def _get_report(self, call: Call) -> Result:
        query, channel_id = call.query_as(ReportQuery), call.record.channel.id
        span = query.to_span()
        report = await self._services.ledger.report(channel_id, span, _PIECE_MS[query.pieces])
        answer = _describe_report(channel_id, span, report)
        if query.format is Format.JSON:
            return answer
        if query.pieces is not Pieces.NONE:
            return _answer_csv(PieceAnswer, answer.pieces)
        return _answer_csv(PerformedAnswer, answer.performances)


def _find_next(
    items: Sequence[SessionAnswer | PerformanceAnswer], found: Sequence[object]
) -> str | None:
    return items[-1].id if len(found) > len(items) else None


def _describe_session(row: ListeningSession, now_ms: int) -> SessionAnswer:
    return SessionAnswer(
        id=str(row.id),
        stream_type=StreamType(row.stream_type),
        started_at=to_time(row.started_ms),
        ended_at=to_time(row.ended_ms) if row.ended_ms else None,
        seconds=_count_seconds(row, now_ms),
        bytes=row.bytes,
        user_agent=row.user_agent,
        address=row.address,
        country=row.country,
    )


def _describe_performance(row: Performance, now_ms: int) -> PerformanceAnswer:
    return PerformanceAnswer(
        id=str(row.id),
        stream_type=StreamType(row.stream_type),
        started_at=to_time(row.started_ms),
        ended_at=to_time(row.ended_ms) if row.ended_ms else None,
        seconds=_count_seconds(row, now_ms),
        title=row.title,
        artist=row.artist,
        track=row.track,
    )


async def _describe_sessions(
    chunks: AsyncIterator[list[ListeningSession]], now_ms: int
) -> AsyncIterator[list[SessionAnswer]]:
    async for chunk in chunks:
        yield [_describe_session(row, now_ms) for row in chunk]


async def _describe_performances(
    chunks: AsyncIterator[list[Performance]], now_ms: int
) -> AsyncIterator[list[PerformanceAnswer]]:
    async for chunk in chunks:
        yield [_describe_performance(row, now_ms) for row in chunk]


def _describe_report(channel_id: str, span: Span, report: Report) -> ReportAnswer:
    return ReportAnswer(
        channel_id=channel_id,
        start=to_time(span.start_ms),
        end=to_time(span.end_ms),
        sessions=report.sessions,
        hours=round(report.hours, 4),
        peak_listeners=report.peak,
        peak_at=None if report.peak_ms is None else to_time(report.peak_ms),
        pieces=[_describe_piece(bucket) for bucket in report.buckets],
        performances=[_describe_performed(one) for one in report.performances],
    )


def _describe_piece(bucket: Bucket) -> PieceAnswer:
    return PieceAnswer(
        start=to_time(bucket.start_ms),
        hours=round(bucket.hours, 4),
        average_listeners=round(bucket.average, 2),
        peak_listeners=bucket.peak,
    )


def _describe_performed(one: Performed) -> PerformedAnswer:
    return PerformedAnswer(
        title=one.title,
        artist=one.artist,
        track=one.track,
        plays=one.plays,
        seconds=round(one.seconds, 1),
        hours=round(one.hours, 4),
        audience=one.audience,
        average_listeners=round(one.average, 2),
    )


def _count_seconds(row: ListeningSession | Performance, now_ms: int) -> float:
    return max(0, (row.ended_ms or now_ms) - row.started_ms) / 1000


def to_time(time_ms: int) -> datetime:
    """Return milliseconds since 1970 as the answers' models hold times: naive UTC."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).replace(tzinfo=None)


def _to_ms(time: datetime) -> int:
    return int(time.timestamp() * 1000)


# -- CSV (RFC 4180)


def _answer_csv(model: type[Answer], rows: Iterable[Answer]) -> web.Response:
    return web.Response(
        text=_render_head(model) + _render_rows(rows),
        content_type=_CSV_TYPE,
        headers={"Cache-Control": "no-store"},
    )


async def _stream_csv(
    call: Call, model: type[Answer], chunks: AsyncIterator[Sequence[Answer]]
) -> web.StreamResponse:
    """Send rows as they are read. What fails before the first of them is an error as any other.

    What fails later resets the connection: nobody shall take a part for the whole.
    """
    text = _render_head(model)
    response = None
    async for chunk in chunks:
        text += _render_rows(chunk)
        if response is None:
            response = web.StreamResponse(
                status=HTTPStatus.OK,
                headers={
                    "Content-Type": f"{_CSV_TYPE}; charset=utf-8",
                    "Cache-Control": "no-store",
                },
            )
            await response.prepare(call.request)
        await response.write(text.encode())
        text = ""
    if response is None:
        return _answer_csv(model, ())
    await response.write_eof()
    return response


def _render_head(model: type[Answer]) -> str:
    schema = model.model_json_schema(mode="serialization")
    return ",".join(schema["properties"]) + "\r\n"


def _render_rows(rows: Iterable[Answer]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    for row in rows:
        values = row.model_dump(mode="json", by_alias=True).values()
        writer.writerow([_defuse(value) for value in values])
    return text.getvalue()


def _defuse(value: object) -> object:
    """Keep a spreadsheet from taking a listener's text for a formula."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return "'" + value
    return value
