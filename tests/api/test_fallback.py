import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import FormData

import api.fallback
from api.fallback import MAX_PARTS, MAX_UPLOADS
from awazpulse.channels import fallback_files
from awazpulse.channels.fallback_files import FallbackInfo
from awazpulse.refusals import UnknownChannel
from tests.api.conftest import MAX_FALLBACK_BYTES, Panel, read_error
from tests.awazpulse.channels.probing import AUDIO
from tests.awazpulse.channels.support import OWNER

FALLBACK = "/streams/channel/demo/fallback"
MP3 = {"Content-Type": "audio/mpeg"}


def files_of(panel: Panel) -> list[Path]:
    return list(panel.folder.glob("*"))


def make_form(*files: tuple[bytes, str, str], **fields: str) -> FormData:
    form = FormData(default_to_multipart=True, quote_fields=False)  # as browsers do
    for name, value in fields.items():
        form.add_field(name, value)
    for content, name, content_type in files:
        form.add_field("file", content, filename=name, content_type=content_type)
    return form


async def test_raw_body_becomes_the_fallback(panel: Panel) -> None:
    headers = await panel.log_in()
    response = await panel.client.put(FALLBACK, data=AUDIO, headers=headers | MP3)
    info = await response.json()
    assert response.status == 200
    (path,) = files_of(panel)
    assert path.read_bytes() == AUDIO
    assert path.suffix == ".mp3"
    expected = {"title": "Jingle", "durationS": 1.5, "bytes": 15, "fileName": path.name}
    assert info == expected
    response = await panel.client.get(FALLBACK, headers=headers)
    assert (response.status, await response.json()) == (200, expected)


async def test_file_of_a_form_becomes_the_fallback(panel: Panel) -> None:
    panel.prober.title = ""
    headers = await panel.log_in()
    form = make_form((AUDIO * 9999, "Night music.FLAC", "application/octet-stream"), note="hello")
    response = await panel.client.put(FALLBACK, data=form, headers=headers)
    info = await response.json()
    assert (response.status, info["title"]) == (200, "Night music")
    (path,) = files_of(panel)
    assert path.read_bytes() == AUDIO * 9999
    assert path.suffix == ".flac"


async def test_title_of_the_query_is_the_one_that_counts(panel: Panel) -> None:
    headers = await panel.log_in() | MP3
    response = await panel.client.put(
        FALLBACK, params={"title": "إذاعة"}, data=AUDIO, headers=headers
    )
    assert (await response.json())["title"] == "إذاعة"


async def test_removed_fallback_is_null(panel: Panel) -> None:
    headers = await panel.log_in()
    await panel.client.put(FALLBACK, data=AUDIO, headers=headers | MP3)
    for _ in range(2):
        assert (await panel.client.delete(FALLBACK, headers=headers)).status == 204
        response = await panel.client.get(FALLBACK, headers=headers)
        assert (response.status, await response.json()) == (200, None)
    assert files_of(panel) == []


async def test_what_is_on_air_is_told_of_each_change_and_its_absence_harms_nothing(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    async def refresh(channel_id: str) -> None:
        told.append(channel_id)
        raise UnknownChannel(channel_id)

    monkeypatch.setattr(panel.radio.manager, "refresh", refresh)
    headers = await panel.log_in()
    assert (await panel.client.put(FALLBACK, data=AUDIO, headers=headers | MP3)).status == 200
    assert (await panel.client.delete(FALLBACK, headers=headers)).status == 204
    assert told == ["demo", "demo"]


async def test_fallback_is_for_the_owner_and_administrators(panel: Panel) -> None:
    stranger = await panel.add_user("stranger@radio.example")
    admin = await panel.add_user("admin@radio.example", "admin")
    for method, status in (("PUT", 200), ("GET", 200), ("DELETE", 204)):
        for headers, refused in (({}, 401), (stranger, 403)):
            response = await panel.client.request(
                method, FALLBACK, data=AUDIO, headers=headers | MP3
            )
            await read_error(response, refused)
        response = await panel.client.request(method, FALLBACK, data=AUDIO, headers=admin | MP3)
        assert response.status == status


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("channel_id", ["nobody", "DEMO", "..%2Fdemo"])
async def test_unknown_channel_is_not_found(panel: Panel, method: str, channel_id: str) -> None:
    headers = await panel.log_in() | MP3
    path = f"/streams/channel/{channel_id}/fallback"
    await read_error(await panel.client.request(method, path, data=AUDIO, headers=headers), 404)


@pytest.mark.parametrize(
    "content_type", ["", "application/json", "application/octet-stream", "video/mp4", "multipart/x"]
)
async def test_body_that_is_no_audio_and_no_form_is_a_type_that_we_do_not_take(
    panel: Panel, content_type: str
) -> None:
    headers = await panel.log_in() | {"Content-Type": content_type}
    response = await panel.client.put(FALLBACK, data=AUDIO, headers=headers)
    assert "audio/*" in await read_error(response, 415)


async def test_upload_is_taken_up_to_its_limit_and_refused_past_it(panel: Panel) -> None:
    headers = await panel.log_in()
    limit = AUDIO.ljust(MAX_FALLBACK_BYTES, b".")

    async def chunked(content: bytes) -> AsyncIterator[bytes]:
        yield content[:1000]
        yield content[1000:]

    def in_form(content: bytes) -> FormData:
        return make_form((content, "x.mp3", "audio/mpeg"))

    for send in (bytes, chunked):
        response = await panel.client.put(FALLBACK, data=send(limit), headers=headers | MP3)
        assert (await response.json())["bytes"] == MAX_FALLBACK_BYTES
        response = await panel.client.put(FALLBACK, data=send(limit + b"."), headers=headers | MP3)
        assert "MiB at most" in await read_error(response, 413)
    response = await panel.client.put(FALLBACK, data=in_form(limit), headers=headers)
    assert response.status == 200
    for content in (limit + b".", limit + limit):
        response = await panel.client.put(FALLBACK, data=in_form(content), headers=headers)
        await read_error(response, 413)
    (path,) = files_of(panel)
    assert path.read_bytes() == limit


@pytest.mark.parametrize("content", [b"", b"no audio"])
async def test_file_that_cannot_be_played_is_a_bad_request(panel: Panel, content: bytes) -> None:
    headers = await panel.log_in()
    for data, more in ((content, MP3), (make_form((content, "x.mp3", "audio/mpeg")), {})):
        response = await panel.client.put(FALLBACK, data=data, headers=headers | more)
        assert "the file is" in await read_error(response, 400)
    assert files_of(panel) == []


FORM = {"Content-Type": "multipart/form-data; boundary=x"}
HEAD = b'--x\r\nContent-Disposition: form-data; name="f"; filename="f.mp3"\r\n\r\n'
FIELD = b'--x\r\nContent-Disposition: form-data; name="n"\r\n\r\n1\r\n'


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (FORM, b""),
        (FORM, b"AUDIO"),
        (FORM, b"--x--\r\n"),
        (FORM, FIELD + b"--x--\r\n"),
        (FORM, HEAD + AUDIO),
        (FORM, HEAD + AUDIO + b"\r\n--x\r\n"),
        (FORM, HEAD + AUDIO + b"\r\n" + HEAD + AUDIO + b"\r\n--x--\r\n"),
        (FORM, FIELD * MAX_PARTS + HEAD + AUDIO + b"\r\n--x--\r\n"),
        (FORM, HEAD + AUDIO + b"\r\n" + FIELD * MAX_PARTS + b"--x--\r\n"),
        (FORM, b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y--\r\n--x--\r\n"),
        (FORM, b"--x\r\n" + b"A: b\r\n" * 1000 + b"\r\n\r\n--x--\r\n"),
        (FORM, b"--x\r\nA: " + b"b" * 100_000 + b"\r\n\r\n--x--\r\n"),
        (FORM, b"\xff" * 200_000),
        ({"Content-Type": "multipart/form-data"}, HEAD + AUDIO + b"\r\n--x--\r\n"),
        ({"Content-Type": "multipart/form-data; boundary=" + "x" * 71}, b""),
    ],
)
async def test_form_that_is_not_one_file_is_a_bad_request(
    panel: Panel, head: dict[str, str], body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    headers = await panel.log_in() | head
    await read_error(await panel.client.put(FALLBACK, data=body, headers=headers), 400)
    assert files_of(panel) == []
    assert not caplog.records


async def test_form_is_taken_with_as_many_parts_as_there_may_be(panel: Panel) -> None:
    headers = await panel.log_in() | FORM
    body = FIELD * (MAX_PARTS - 1) + HEAD + AUDIO + b"\r\n" + FIELD * (MAX_PARTS - 1) + b"--x--\r\n"
    response = await panel.client.put(FALLBACK, data=body, headers=headers)
    assert response.status == 200, await response.text()
    (path,) = files_of(panel)
    assert path.read_bytes() == AUDIO


class Slow:
    """A body that stops in the middle until it is let go on."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.goes_on = asyncio.Event()

    async def send(self) -> AsyncIterator[bytes]:
        yield AUDIO
        self.begun.set()
        await self.goes_on.wait()
        yield b" and more"


@pytest.mark.parametrize("limit", ["UPLOAD_IDLE_S", "UPLOAD_TIMEOUT_S"])
@pytest.mark.parametrize("head", [MP3, FORM], ids=["raw", "form"])
async def test_body_that_stops_is_given_up(
    panel: Panel, monkeypatch: pytest.MonkeyPatch, limit: str, head: dict[str, str]
) -> None:
    monkeypatch.setattr(api.fallback, limit, 0.05)
    headers = await panel.log_in() | head
    slow = Slow()

    async def send() -> AsyncIterator[bytes]:
        if head is FORM:
            yield HEAD
        async for block in slow.send():
            yield block

    response = await panel.client.put(FALLBACK, data=send(), headers=headers)
    assert "the body paused" in await read_error(response, 408)
    assert files_of(panel) == []


async def test_body_that_trickles_in_is_given_up(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.fallback, "UPLOAD_TIMEOUT_S", 0.1)

    async def trickle() -> AsyncIterator[bytes]:
        while True:
            yield b"."
            await asyncio.sleep(0.005)

    headers = await panel.log_in() | MP3
    await read_error(await panel.client.put(FALLBACK, data=trickle(), headers=headers), 408)
    assert files_of(panel) == []


async def test_client_that_goes_in_the_middle_leaves_nothing_and_frees_its_place(
    panel: Panel, caplog: pytest.LogCaptureFixture
) -> None:
    headers = await panel.log_in() | MP3
    slow = Slow()
    upload = asyncio.create_task(panel.client.put(FALLBACK, data=slow.send(), headers=headers))
    await slow.begun.wait()
    async with asyncio.timeout(5):
        while not files_of(panel):  # noqa: ASYNC110  # it is the server's doing
            await asyncio.sleep(0.01)
        upload.cancel()
        while files_of(panel):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    response = await panel.client.put(FALLBACK, data=AUDIO, headers=headers)
    assert response.status == 200
    assert not caplog.records


async def test_second_upload_of_a_channel_waits_for_the_first_one_to_end(panel: Panel) -> None:
    headers = await panel.log_in() | MP3
    panel.prober.gate.clear()
    first = asyncio.create_task(panel.client.put(FALLBACK, data=AUDIO, headers=headers))
    await panel.prober.asked.wait()
    response = await panel.client.put(FALLBACK, data=AUDIO, headers=headers)
    assert "another upload for channel demo" in await read_error(response, 429)
    assert response.headers["Retry-After"] == "5"
    panel.prober.gate.set()
    assert (await first).status == 200
    assert (await panel.client.put(FALLBACK, data=AUDIO, headers=headers)).status == 200


async def test_uploads_past_the_limit_are_refused_until_one_ends(panel: Panel) -> None:
    headers = await panel.log_in() | MP3
    panel.prober.gate.clear()
    paths = [f"/streams/channel/c{number}/fallback" for number in range(MAX_UPLOADS)]
    for number in range(MAX_UPLOADS):
        await panel.radio.catalog.create(f"c{number}", "One", OWNER)
    uploads = []
    for path in paths:
        panel.prober.asked.clear()
        upload = panel.client.put(path, data=AUDIO, headers=headers)
        uploads.append(asyncio.ensure_future(upload))
        await panel.prober.asked.wait()
    response = await panel.client.put(FALLBACK, data=AUDIO, headers=headers)
    assert "cannot take another upload" in await read_error(response, 503)
    panel.prober.gate.set()
    assert [(await upload).status for upload in uploads] == [200] * MAX_UPLOADS
    assert (await panel.client.put(FALLBACK, data=AUDIO, headers=headers)).status == 200


async def test_full_disk_is_said_to_be_full(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fallback_files, "_flush", fill)
    headers = await panel.log_in() | MP3
    response = await panel.client.put(FALLBACK, data=AUDIO, headers=headers)
    assert "No space left on device" in await read_error(response, 507)
    assert files_of(panel) == []


async def test_place_of_the_operators_file_is_not_told(panel: Panel, tmp_path: Path) -> None:
    own = tmp_path / "hidden" / "own.mp3"
    own.parent.mkdir()
    own.write_bytes(AUDIO)
    channel_id = "demo"
    async with panel.radio.database.write() as session:
        record = await panel.radio.catalog.get(channel_id)
        record.channel.fallback_file = str(own)
        session.add(record.channel)
    headers = await panel.log_in()
    body = await (await panel.client.get(FALLBACK, headers=headers)).text()
    assert "own.mp3" in body
    assert "hidden" not in body


def test_names_of_an_answer_are_as_documented() -> None:
    assert list(FallbackInfo("", None, None, "").to_json()) == [
        "title",
        "durationS",
        "bytes",
        "fileName",
    ]
