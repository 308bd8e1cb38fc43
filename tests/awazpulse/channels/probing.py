"""A prober without a decoder, and what tests need to upload."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from awazpulse.refusals import UnusableFile

AUDIO = b"AUDIO: a jingle"


@dataclass(frozen=True, slots=True)
class FakeProbedFile:
    title: str
    duration_s: float


class FakeProber:
    """Takes what begins with AUDIO; remembers the paths. While `gate` is clear it does not answer.

    `asked` is set by each probe.
    """

    def __init__(self) -> None:
        self.title = "Jingle"
        self.probed: list[Path] = []
        self.asked = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def probe(self, path: Path) -> FakeProbedFile:
        self.probed.append(path)
        self.asked.set()
        await self.gate.wait()
        content = await asyncio.to_thread(path.read_bytes)
        if not content.startswith(b"AUDIO"):
            raise UnusableFile("the file is no audio")
        return FakeProbedFile(self.title, len(content) / 10)


async def blocks_of(*blocks: bytes, fail: BaseException | None = None) -> AsyncIterator[bytes]:
    for block in blocks:
        yield block
    if fail is not None:
        raise fail
