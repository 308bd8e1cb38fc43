"""The server's side of decoding and encoding: asks children, and never waits itself.

Three children at most, none of them started before it is needed: a quick one that stays, for levels; one
that prepares files, which takes minutes; and one that looks at files, for somebody waits for that, and
what is looked at may be hostile. The latter two end when there is nothing to do. PyAV is loaded by them only.
"""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from awazpulse.audio import Track

from .child import Child, ChildLimits
from .errors import MediaFailed
from .prepared import PreparedFallback, load_prepared
from .values import FallbackInfo, Levels, track_to_json

QUICK = ChildLimits(
    deadline_s=5,  # 1,000 channels take a second
    turn_s=5,
    idle_s=None,  # it is asked again soon, and takes a fifth of a second to start
    max_requests=64,
)
LOOK = ChildLimits(
    deadline_s=20,  # a tenth of a second, unless the disk is slow or the file hostile
    turn_s=60,
    idle_s=60,
    max_requests=64,
)
PREPARE = ChildLimits(
    deadline_s=60 * 60,  # four hours of audio take up to 12 minutes of one idle core, to MP3
    turn_s=None,
    idle_s=60,
    max_requests=64,
)
_COMMAND = (sys.executable, "-m", "awazpulse.media.worker")


class MediaWorker:
    """Decodes and encodes in processes of their own; `close` it at the end.

    `command` is what is run instead of the worker (for tests). Whatever is asked raises `MediaFailed` when
    the child crashes, hangs or is closed, and `MediaBusy` when it has too much to do.
    """

    def __init__(
        self,
        command: Sequence[str] = _COMMAND,
        *,
        quick: ChildLimits = QUICK,
        look: ChildLimits = LOOK,
        prepare: ChildLimits = PREPARE,
    ) -> None:
        self.quick = Child(command, "levels", quick)
        self.look = Child(command, "probe", look)
        self.prepare = Child(command, "fallback", prepare)

    async def measure(self, samples: Sequence[tuple[Track, bytes]]) -> list[Levels | None]:
        """Return the levels of each stretch of frames; None for one that cannot be decoded."""
        if not samples:
            return []
        head = {
            "do": "measure",
            "samples": [(track_to_json(track), len(data)) for track, data in samples],
        }
        found = await self.quick.ask(head, b"".join(data for _, data in samples))
        if not isinstance(found, list) or len(found) != len(samples):
            raise MediaFailed(f"got {found!r:.80}, expected {len(samples)} levels")
        return [Levels.from_json(fields) if fields else None for fields in found]

    async def probe(self, path: Path) -> FallbackInfo:
        """Return what the file is; `UnusableFile` says why it can be no fallback."""
        found: Any = await self.look.ask({"do": "probe", "path": str(path)})
        return FallbackInfo(**found)

    async def prepare_fallback(
        self, path: Path, track: Track, bitrate_kbps: float | None, out_dir: Path
    ) -> PreparedFallback:
        """Return the file as frames of `track`, in `out_dir`, which is the channel's own.

        What was prepared before is found again. Raises `UnusableFile` as `probe` does, and for what turns
        out later. Cancelled, it stops the work.
        """
        head = {
            "do": "prepare",
            "path": str(path),
            "track": track_to_json(track),
            "bitrate_kbps": bitrate_kbps,
            "out_dir": str(out_dir),
        }
        prepared = await self.prepare.ask(head)
        return await asyncio.to_thread(load_prepared, Path(str(prepared)))

    async def close(self) -> None:
        """End the children; what is under way fails. More than once is the same."""
        await asyncio.gather(self.quick.close(), self.look.close(), self.prepare.close())
