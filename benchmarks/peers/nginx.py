"""Debian's nginx, one process of it: with its RTMP module, or serving a folder."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import free_port, pinned, running, server_core, wait_for_port

_RTMP_MODULE = Path("/usr/lib/nginx/modules/ngx_rtmp_module.so")
_CONFIG = """
daemon off; master_process off; worker_processes 1; pid {directory}/pid; error_log stderr crit;
events {{ worker_connections 16384; }}
"""
_RTMP = """
rtmp {{ access_log off; server {{ listen 127.0.0.1:{port}; application live {{ live on; }} }} }}
"""
# Without open_file_cache, which would answer with an old playlist.
_FILES = """
http {{
  access_log off; sendfile on; tcp_nopush on;
  keepalive_requests 1000000000; keepalive_timeout 300;
  types {{ application/vnd.apple.mpegurl m3u8; video/mp2t ts; }}
  client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi; uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  server {{ listen 127.0.0.1:{port} backlog=1024; root {folder}; }}
}}
"""


@dataclass(frozen=True, slots=True)
class Nginx:
    """A running nginx."""

    pid: int
    port: int


def find_nginx() -> str | None:
    """Return the program, None where there is none; Debian has it where only root looks."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def has_rtmp() -> bool:
    """Say whether nginx is there, and its RTMP module too."""
    return find_nginx() is not None and _RTMP_MODULE.exists()


@contextmanager
def nginx_rtmp() -> Iterator[Nginx]:
    """Start it on the servers' core; it takes every name of the application `live`."""
    with _nginx(f"load_module {_RTMP_MODULE};{_CONFIG}{_RTMP}") as nginx:
        yield nginx


@contextmanager
def nginx_files(folder: Path) -> Iterator[Nginx]:
    """Start it on the servers' core, serving what is in a folder."""
    with _nginx(_CONFIG + _FILES, folder) as nginx:
        yield nginx


@contextmanager
def _nginx(config: str, folder: Path | None = None) -> Iterator[Nginx]:
    program = find_nginx()
    assert program is not None
    with tempfile.TemporaryDirectory() as directory:
        port = free_port()
        file = Path(directory, "nginx.conf")
        file.write_text(config.format(directory=directory, port=port, folder=folder))
        with running(pinned(server_core(), program, "-p", directory, "-c", str(file))) as process:
            wait_for_port(port)
            yield Nginx(process.pid, port)
