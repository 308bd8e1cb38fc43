"""Event loops: what the shell does holds on asyncio's own loop and on uvloop."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop

LoopFactories = Mapping[str, Callable[[], asyncio.AbstractEventLoop]]

_ON_UVLOOP_ONLY = ("test_encoders",)  # slow, and the server runs on uvloop


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> LoopFactories:
    factories: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
        "uvloop": uvloop.new_event_loop
    }
    if item.path.stem not in _ON_UVLOOP_ONLY:
        factories["asyncio"] = asyncio.new_event_loop
    return factories
