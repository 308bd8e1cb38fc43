import pytest

from awazpulse.errors import PeerError
from ingest.rtmp import errors


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (errors.NotRtmp(0x47), "got 0x47 as the first byte, expected RTMP version 0x03 (an HTTP"),
        (errors.NotRtmp(0x16), "got a TLS handshake, expected plain RTMP"),
        (errors.NotRtmp(0x80), "got 0x80 as the first byte, expected RTMP version 0x03"),
        (errors.MissingChunkHeader(3, 7), "got a type-3 chunk first on chunk stream 7"),
        (errors.TooManyChunkStreams(32), "got more than 32 chunk streams"),
        (errors.ChunkSizeOutOfRange(0), "got a chunk size of 0, expected 1 to 2147483647"),
        (
            errors.MessageTooLong(8, 9, 5),
            "got a message of type 8 with 9 bytes, expected at most 5",
        ),
        (errors.TooMuchPending(10), "got more than 10 bytes of incomplete messages"),
        (errors.TooMuchBeforePublish(10), "got more than 10 bytes without a publish command"),
        (errors.TooManyMessageStreams(16), "got createStream more than 16 times"),
        (errors.UnexpectedCommand("publish", "live"), "got publish in state live"),
        (
            errors.UnplayableAudio("got video without audio", 3.0),
            "no audio that can be played within 3 s: got video without audio",
        ),
        (errors.DeadlinePassed("audio", 20.0), "no audio within 20 s"),
    ],
)
def test_each_error_says_what_came_and_what_should_have(error: PeerError, text: str) -> None:
    assert str(error).startswith(text)
    assert isinstance(error, errors.RtmpError)
