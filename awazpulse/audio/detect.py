"""Splits audio of which only its bytes tell what it is. No I/O.

The label that a source gives its audio is a hint at most: AAC comes as `audio/mpeg`, MP3 as
`audio/aac`. It is not needed either, for no header is valid in both framings (ADTS has the layer 00,
which MPEG audio reserves).
"""

from .aac import ADTS
from .mpeg_audio import MPEG_AUDIO
from .splitter import FrameSplitter


def audio_splitter() -> FrameSplitter:
    """Return a splitter for MPEG audio and ADTS frames, whichever come."""
    return FrameSplitter(MPEG_AUDIO, ADTS)
