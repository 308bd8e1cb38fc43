"""Every limit and interval of the HLS delivery, with its default. No I/O."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What one HLS server allows; bytes, seconds and counts, each named by its unit.

    Whatever its source sends, a channel holds at most `window_segments * segment_bytes` of listed
    segments, `kept_bytes` of all segments, and `pending_bytes` of audio that is not yet packaged.
    """

    # The playlist
    window_segments: int = 6  # listed at once: 12 s; players need 3 target durations
    ended_playlist_s: float = 30.0  # how long the ended playlist is shown: several polls of each
    remember_s: float = 3600.0  # how long a channel off air keeps its numbers and time line

    # A channel's memory
    segment_bytes: int = 1024 * 1024  # audio in one segment: 4 Mbit/s; a bigger one is cut early
    kept_bytes: int = 16 * 1024 * 1024  # listed and removed segments together
    kept_segments: int = 32  # the same, counted: twice what a source in real time needs
    pending_bytes: int = 4 * 1024 * 1024  # audio waiting to be packaged: a minute at 512 kbit/s
    lead_segments: int = 60  # how far a source may run ahead of real time and lose no audio
    turn_budget_s: float = 0.005  # packaging, or pulling, in one turn of the event loop
    pull_interval_s: float = 0.25  # how often audio that waits in the kernel is fetched

    # Listeners
    listener_expiry_s: float = 10.0  # a listener has left after so long without a request
    clients: int = 100_000  # counted listeners of a channel, whatever its maxListeners says

    # Connections
    connections: int = 50_000  # open at once; one more is answered 503
    head_bytes: int = 8 * 1024  # a request's head; browsers send 1 KiB
    head_deadline_s: float = 10.0  # from a head's first byte (or the connection) to its end
    idle_s: float = 30.0  # between two requests
    hold_s: float = 6.0  # how long a request may wait for a new broadcast's first segment
    write_deadline_s: float = 30.0  # how long a client may leave what it asked for unread
    write_buffer_bytes: int = 64 * 1024  # unread answers, past which no request is taken
    turn_requests: int = 16  # of one connection in one turn of the event loop
    tick_s: float = 1.0  # how often all deadlines and expiries are looked at
