"""The whole server behind a real nginx, as the README sets it up."""

import asyncio
import re
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.on_air.clients import ffmpeg_tone, rtmp_output, running
from tests.on_air.server import Server, serving, until

README = Path(__file__).parents[2] / "README.md"
ORIGIN = "https://radio.example"
SPOOFED = {"X-Forwarded-For": "198.51.100.9", "Forwarded": "for=198.51.100.9", "X-Real-IP": "::9"}
_AROUND = """
daemon off; master_process off; pid {folder}/pid; error_log stderr warn;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  {server}
}}
"""


def make_config(server: Server, folder: Path, port: int) -> str:
    """The README's example with the ports and the certificate of this test."""
    match = re.search(r"```nginx\n(.*?)```", README.read_text(), re.DOTALL)
    assert match is not None
    text = match[1]
    for usual, here in (
        ("listen 443", f"listen 127.0.0.1:{port}"),
        ("/etc/ssl/radio.example", f"{folder}/radio"),
        ("127.0.0.1:8088", f"127.0.0.1:{server.ports['hls']}"),
        ("127.0.0.1:3000", f"127.0.0.1:{server.ports['api']}"),
        ("127.0.0.1:8000", f"127.0.0.1:{server.ports['icecast']}"),
    ):
        assert usual in text
        text = text.replace(usual, here)
    return _AROUND.format(folder=folder, server=text)


def make_certificate(folder: Path) -> None:
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
    names = ("-subj", "/CN=radio.example", "-keyout", "radio.key", "-out", "radio.pem")
    subprocess.run([*command.split(), *names], cwd=folder, check=True, capture_output=True)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@asynccontextmanager
async def browser(port: int, address: str) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of its own address, who claims to be somebody else."""
    connector = aiohttp.TCPConnector(ssl=False, local_addr=(address, 0))
    base, timeout = f"https://127.0.0.1:{port}", aiohttp.ClientTimeout(total=20)
    async with aiohttp.ClientSession(
        base, connector=connector, headers={**SPOOFED, "Host": "radio.example"}, timeout=timeout
    ) as session:
        yield session


async def read_text(session: aiohttp.ClientSession, path: str) -> str:
    async with session.get(path) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.text()


async def play(port: int, address: str) -> None:
    """Fetch the playlist and its last segment."""
    async with browser(port, address) as session:
        playlist = await read_text(session, "/hls/demo.m3u8")
        async with session.get(f"/hls/{playlist.split()[-1]}") as answer:
            assert answer.status == 200
            assert len(await answer.read()) > 10_000


async def call_api(session: aiohttp.ClientSession, server: Server, path: str) -> Any:  # noqa: ANN401  # JSON
    async with session.post("/auth/login", json=server.card["owner"]) as answer:
        token = (await answer.json())["accessToken"]
    headers = {"Authorization": f"Bearer {token}"}
    async with session.get(path, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


async def use_panel(session: aiohttp.ClientSession, server: Server) -> None:
    """Do what a browser does on the panel: its session is good through the proxy, and so are events."""
    assert "panel.js" in await read_text(session, "/")
    assert "listen.js" in await read_text(session, "/listen/demo")
    headers = {"X-AwazPulse-Panel": "1", "Sec-Fetch-Site": "same-origin"}
    login = server.card["owner"]
    async with session.post("/panel/login", json=login, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        assert all(cookie["secure"] for cookie in answer.cookies.values())
        cookies = "; ".join(f"{name}={cookie.value}" for name, cookie in answer.cookies.items())
    headers = {"Cookie": cookies, "Sec-Fetch-Site": "same-origin", "Origin": ORIGIN}
    async with session.ws_connect("/events", headers=headers) as socket:
        assert (await socket.receive_json())["type"] == "hello"


@pytest.mark.needs("nginx", "openssl", "ffmpeg")
async def test_players_and_the_api_behind_nginx_as_the_readme_sets_it_up(tmp_path: Path) -> None:
    settings = {"PUBLIC_HOST": ORIGIN, "LEDGER_ADDRESSES": "whole"}
    async with serving(tmp_path / "data", **settings) as server:
        port = free_port()
        make_certificate(tmp_path)
        (tmp_path / "nginx.conf").write_text(make_config(server, tmp_path, port))
        await server.cli("channel", "set", "demo", "simulcast=true")
        key = server.card["credentials"]["hls"]["streamKey"]
        nginx = ("nginx", "-e", "stderr", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"))
        async with running(*nginx), running(*ffmpeg_tone("aac", rtmp_output(server, key))):
            await until(lambda: is_listening(port))
            await until(lambda: server.rows()["hls"]["status"] == "live")
            await play(port, "127.0.0.2")
            await play(port, "127.0.0.3")
            async with browser(port, "127.0.0.4") as listener, listener.get("/demo.mp3") as audio:
                assert len(await audio.content.readexactly(50_000)) == 50_000
                async with browser(port, "127.0.0.5") as session:
                    path = "/streams/channel/demo"
                    await asyncio.sleep(1)  # sessions are written behind
                    listeners = await call_api(session, server, f"{path}/listeners")
                    addresses = {one["address"] for one in listeners["sessions"]}
                    assert addresses == {"127.0.0.2", "127.0.0.3", "127.0.0.4"}
                    assert listeners["listeners"] == 3
                    credentials = await call_api(session, server, f"{path}/credentials")
                    assert credentials["hls"]["playbackUrl"] == f"{ORIGIN}/hls/demo.m3u8"
                    assert credentials["icecast"]["playbackUrl"] == f"{ORIGIN}/demo.mp3"
                    rtmp = f"rtmp://radio.example:{server.ports['rtmp']}/live"
                    assert credentials["hls"]["rtmpUrl"] == rtmp
                    assert credentials["icecast"]["port"] == server.ports["icecast"]
                    assert await read_text(session, "/demo.mp3.m3u") == f"{ORIGIN}/demo.mp3\r\n"
                    status = await read_text(session, "/status-json.xsl")
                    assert f'"listenurl": "{ORIGIN}/demo.mp3"' in status
                    await use_panel(session, server)
                    async with session.post("/internal/channels/demo/refresh") as answer:
                        assert answer.status == 404
