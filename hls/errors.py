"""What can go wrong in the HLS delivery."""

from awazpulse.errors import AwazPulseError, PeerError


class HlsError(AwazPulseError):
    """Something in the HLS delivery failed. Our own fault, or libav's."""


class MuxFailed(HlsError):
    """libav could not put a segment's frames into MPEG-TS."""


class RequestRefused(PeerError):
    """A request that gets an error and ends its connection. The client's fault."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
