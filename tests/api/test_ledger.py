"""Who listens and who listened, what played, and reports of it, in JSON and as CSV."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import ClientError
from sqlalchemy import insert

from awazpulse.ledger import reader as reader_module
from awazpulse.ledger.reader import LedgerReader
from awazpulse.ledger.reports import HOUR_MS
from awazpulse.refusals import ServiceUnavailable
from awazpulse.store import ListeningSession, Performance
from tests.api.conftest import Panel, read_error
from tests.awazpulse.ledger.test_upkeep import session_row, title_row

PATH = "/streams/channel/demo"
DAY = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp() * 1000)
SPAN = {"from": "2026-03-01T00:00:00Z", "to": "2026-03-02T05:00:00+05:00"}


async def get(panel: Panel, path: str, **query: str) -> Any:  # noqa: ANN401  # JSON
    response = await panel.client.get(PATH + path, params=query, headers=await panel.log_in())
    assert response.status == 200, await response.text()
    assert response.headers["Cache-Control"] == "no-store"
    return await response.json()


async def get_csv(panel: Panel, path: str, **query: str) -> list[dict[str, str]]:
    query |= {"format": "csv"}
    response = await panel.client.get(PATH + path, params=query, headers=await panel.log_in())
    assert response.status == 200, await response.text()
    assert response.content_type == "text/csv"
    return list(csv.DictReader(io.StringIO(await response.text(), newline="")))


@pytest.fixture
async def ledger(panel: Panel) -> Panel:
    """Three sessions and two titles on the first of March."""
    first = session_row(DAY + HOUR_MS, DAY + 2 * HOUR_MS) | {"bytes": 57_600_000}
    second = session_row(DAY + HOUR_MS, DAY + 3 * HOUR_MS, 1) | {
        "user_agent": '=HYPERLINK("x","y")',
        "country": "PK",
        "address": "203.0.113.0",
    }
    third = session_row(DAY + 5 * HOUR_MS, None)
    titles = [
        title_row(DAY + HOUR_MS, DAY + HOUR_MS + 180_000),
        title_row(DAY + HOUR_MS + 180_000, DAY + 2 * HOUR_MS) | {"title": "گیت, دوسرا"},
    ]
    async with panel.radio.database.write() as session:
        for row in (first, second, third):
            await session.execute(insert(ListeningSession), [row])
        await session.execute(insert(Performance), titles)
    return panel


async def test_nobody_listens_off_air(panel: Panel) -> None:
    assert await get(panel, "/listeners") == {
        "channelId": "demo",
        "listeners": 0,
        "byType": {"hls": 0, "icecast": 0},
        "peakByType": {"hls": 0, "icecast": 0},
        "sessions": [],
    }


async def test_who_listens_now(ledger: Panel) -> None:
    broadcast = await ledger.radio.go_live()
    count = broadcast.listeners_of("hls")
    for _ in range(3):
        count.listener_joined()
    count.listener_left()
    answer = await get(ledger, "/listeners")
    assert (answer["listeners"], answer["byType"]) == (2, {"hls": 2, "icecast": 0})
    assert answer["peakByType"] == {"hls": 3, "icecast": 0}
    (session,) = answer["sessions"]
    assert session["startedAt"] == "2026-03-01T05:00:00Z"
    assert session["endedAt"] is None
    assert session["seconds"] > 3600


async def test_sessions_come_in_pages(ledger: Panel) -> None:
    page = await get(ledger, "/sessions", **SPAN, limit="2")
    assert [item["seconds"] for item in page["items"]][1] == 7200.0
    rest = await get(ledger, "/sessions", **SPAN, limit="2", after=page["next"])
    assert rest == {
        "items": [
            {
                "id": str(session_row(DAY + HOUR_MS, None)["id"]),
                "streamType": "hls",
                "startedAt": "2026-03-01T01:00:00Z",
                "endedAt": "2026-03-01T02:00:00Z",
                "seconds": 3600.0,
                "bytes": 57_600_000,
                "userAgent": "",
                "address": "",
                "country": None,
            }
        ],
        "next": None,
    }


async def test_sessions_as_a_spreadsheet_never_start_a_formula(ledger: Panel) -> None:
    rows = await get_csv(ledger, "/sessions", **SPAN)
    assert [row["startedAt"] for row in rows] == [
        "2026-03-01T05:00:00Z",
        "2026-03-01T01:00:00Z",
        "2026-03-01T01:00:00Z",
    ]
    assert rows[1]["userAgent"] == '\'=HYPERLINK("x","y")'
    assert (rows[1]["country"], rows[2]["bytes"]) == ("PK", "57600000")


async def test_an_empty_spreadsheet_has_its_heads(panel: Panel) -> None:
    assert await get_csv(panel, "/sessions", **SPAN) == []


async def test_what_played(ledger: Panel) -> None:
    page = await get(ledger, "/history", **SPAN)
    assert [item["title"] for item in page["items"]] == ["گیت, دوسرا", "x"]
    assert page["items"][1]["endedAt"] == "2026-03-01T01:03:00Z"
    assert page["items"][1]["seconds"] == 180.0
    rows = await get_csv(ledger, "/history", **SPAN)
    assert [row["title"] for row in rows] == ["گیت, دوسرا", "x"]


async def test_a_report(ledger: Panel) -> None:
    report = await get(ledger, "/report", **SPAN, pieces="hour")
    assert (report["start"], report["end"]) == ("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z")
    assert (report["sessions"], report["hours"]) == (3, 1 + 2 + 19)
    assert (report["peakListeners"], report["peakAt"]) == (2, "2026-03-01T01:00:00Z")
    assert len(report["pieces"]) == 24
    assert report["pieces"][1] == {
        "start": "2026-03-01T01:00:00Z",
        "hours": 2.0,
        "averageListeners": 2.0,
        "peakListeners": 2,
    }
    assert report["performances"][1] == {
        "title": "x",
        "artist": "x",
        "track": "x",
        "plays": 1,
        "seconds": 180.0,
        "hours": 0.1,
        "audience": 2,
        "averageListeners": 2.0,
    }
    titles = await get_csv(ledger, "/report", **SPAN)
    assert [(row["title"], row["audience"]) for row in titles] == [("گیت, دوسرا", "2"), ("x", "2")]
    pieces = await get_csv(ledger, "/report", **SPAN, pieces="day")
    assert [(row["start"], row["hours"]) for row in pieces] == [("2026-03-01T00:00:00Z", "22.0")]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"from": "yesterday"}, "from"),
        ({"from": "0.5"}, "from"),
        ({"from": "2026-03-02T00:00:00Z", "to": "2026-03-01T00:00:00Z"}, "before"),
        ({"from": "1960-01-01T00:00:00Z"}, "1970"),
        ({"to": "0001-01-01T00:00:00Z"}, "out of range"),
        ({"format": "xml"}, "format"),
    ],
)
@pytest.mark.parametrize("path", ["/sessions", "/history", "/report"])
async def test_a_span_that_is_none_is_refused(
    panel: Panel, path: str, query: dict[str, str], words: str
) -> None:
    response = await panel.client.get(PATH + path, params=query, headers=await panel.log_in())
    assert words in await read_error(response, 400)


async def test_too_long_a_report_by_the_hour_is_refused(panel: Panel) -> None:
    query = {"from": "1971-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z", "pieces": "hour"}
    response = await panel.client.get(PATH + "/report", params=query, headers=await panel.log_in())
    assert "choose longer ones" in await read_error(response, 400)


@pytest.mark.parametrize("path", ["/listeners", "/sessions", "/history", "/report"])
async def test_the_ledger_is_the_owners_and_the_administrators(panel: Panel, path: str) -> None:
    for role, status in (("station_owner", 403), ("admin", 200)):
        headers = await panel.add_user(f"{role}@radio.example", role)
        response = await panel.client.get(PATH + path, headers=headers)
        assert response.status == status, await response.text()
    assert (await panel.client.get(PATH + path)).status == 401


async def test_a_spreadsheet_that_fails_half_way_is_cut_off(
    ledger: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "CHUNK_ROWS", 1)
    headers = await ledger.log_in()
    query = SPAN | {"format": "csv"}
    async with ledger.client.get(PATH + "/sessions", params=query, headers=headers) as response:
        assert response.status == 200
        reader = ledger.services.ledger
        assert isinstance(reader, LedgerReader)

        async def fail(*_given: object) -> list[object]:
            raise ServiceUnavailable("read the ledger")

        monkeypatch.setattr(reader, "_list", fail)
        with pytest.raises(ClientError):
            await response.read()
