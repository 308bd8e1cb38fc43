"""What a peer of the RTMP port may do, and for how long we wait for it.

Limits that never change with an installation stand where they act: message sizes in `messages.py`,
chunk streams in `chunk_stream.py`, AMF's depth in `amf0.py`, the rest in `protocol.py`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RtmpLimits:
    """Deadlines in seconds, counts, and bytes, each with its default."""

    # From the connection's opening to the end of the handshake. A peer far away needs under 1 s.
    handshake_s: float = 5
    # From then to the publish command, and again after the end of a publication.
    publish_s: float = 10
    # For our decision whether the encoder goes on air, which may ask a database.
    decision_s: float = 10
    # Live, from one audio frame to the next. After that the encoder counts as gone.
    silence_s: float = 20
    # For a refused peer to read why, and to close.
    linger_s: float = 3
    # Connections that are not live, from one address. A studio behind one address has a few.
    pending_per_address: int = 32
    # Connections in all, live or not; each costs some 10 KiB, and a descriptor.
    connections: int = 1024
    # Bytes that we have sent and a peer has not read. The answers of a whole publication take 4 KiB.
    write_buffer_bytes: int = 64 * 1024
