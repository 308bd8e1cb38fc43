"""One listener's side: what it has received, checked against the reference. No I/O.

Contract: `receive(data)` takes what a socket gave, in any pieces. What does not fit sets `fault`,
and the listener is broken from then on. The first bytes of audio may lie anywhere in the reference (servers choose where a
burst begins); everything after that must follow byte by byte.
"""

from .audio import Reference

ANCHOR_BYTES = 64  # enough to be found once: the payload is noise
MAX_HEAD_BYTES = 8192
MAX_BLANK_BYTES = 2048  # zeros that stand for the frame an ICY joiner's interval is cut in


class Reader:
    """A listener that asked for no metadata."""

    __slots__ = (
        "audio_bytes",
        "fault",
        "fd",
        "got_audio",
        "group",
        "is_connecting",
        "joined",
        "last",
        "max_gap_s",
        "mount",
        "pending",
        "position",
        "reference",
        "started",
    )

    def __init__(self, reference: Reference, mount: int, group: str, started: float) -> None:
        self.reference = reference
        self.mount = mount
        self.group = group
        self.started = started  # when its connection was begun, monotonic seconds
        self.joined = 0.0  # when it had its first 4,000 bytes
        self.last = started  # when it last received
        self.max_gap_s = 0.0
        self.position = -1  # in the reference: the next byte that is due; -1 before the first
        self.audio_bytes = 0
        self.pending = b""  # before the audio begins
        self.got_audio = False  # whether the response's head is behind
        self.is_connecting = True
        self.fault = ""
        self.fd = -1

    def receive(self, data: memoryview) -> None:
        """Take the next bytes."""
        if self.position >= 0:
            self.check(data)
            return
        self.pending += data
        if not self.got_audio:
            self._read_head()
        if self.got_audio:
            self._find_place()

    def _read_head(self) -> None:
        head, end, rest = self.pending.partition(b"\r\n\r\n")
        if not end:
            if len(self.pending) > MAX_HEAD_BYTES:
                self.fault = "a response without an end of its head"
            return
        if b" 200 " not in head.partition(b"\r\n")[0]:
            self.fault = head.partition(b"\r\n")[0].decode("latin-1")
            return
        self.got_audio = True
        self.pending = rest
        self.read_headers(head)

    def read_headers(self, head: bytes) -> None:
        """Learn from the response's head."""

    def _find_place(self) -> None:
        """Find the first bytes in the reference."""
        if len(self.pending) < ANCHOR_BYTES:
            return
        at = self.reference.data.find(self.pending[:ANCHOR_BYTES])
        if at < 0:
            self.fault = "audio that no mount plays"
            return
        self.position = at
        pending, self.pending = self.pending, b""
        self.check(memoryview(pending))

    def check(self, data: memoryview) -> None:
        """Compare audio with what must follow."""
        if self.reference.data.startswith(data, self.position):
            self.position += len(data)
            self.audio_bytes += len(data)
        else:
            self.fault = f"wrong audio behind byte {self.position}"


class IcyReader(Reader):
    """A listener that asked for metadata, and parses it."""

    __slots__ = ("audio_left", "block_left", "blocks", "metaint")

    def __init__(self, reference: Reference, mount: int, group: str, started: float) -> None:
        super().__init__(reference, mount, group, started)
        self.metaint = 0
        self.audio_left = 0  # until the next block
        self.block_left = 0
        self.blocks = 0  # seen, empty ones included

    def read_headers(self, head: bytes) -> None:
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"icy-metaint":
                self.metaint = self.audio_left = int(value)
        if not self.metaint:
            self.fault = "no icy-metaint"

    def _find_place(self) -> None:
        """Step over blanks, which count as audio."""
        audio = self.pending.lstrip(b"\0")
        blanks = len(self.pending) - len(audio)
        if blanks > MAX_BLANK_BYTES:
            self.fault = f"{blanks} blank bytes"
        if len(audio) < ANCHOR_BYTES:
            return
        self.audio_left -= blanks
        self.pending = audio
        super()._find_place()

    def check(self, data: memoryview) -> None:
        """Compare the audio between the blocks."""
        while len(data) > 0 and not self.fault:
            if self.block_left:
                taken = min(self.block_left, len(data))
                self.block_left -= taken
            elif self.audio_left:
                taken = min(self.audio_left, len(data))
                super().check(data[:taken])
                self.audio_left -= taken
            else:
                taken = 1
                self.block_left = 16 * data[0]
                self.audio_left = self.metaint
                self.blocks += 1
            data = data[taken:]
