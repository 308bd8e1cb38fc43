"""What can be wrong with audio that a peer sends."""

from awazpulse.errors import PeerError


class AudioError(PeerError):
    """Audio that cannot be relayed."""


class MalformedAudio(AudioError):
    """Bytes that do not parse as what they are said to be."""


class UnsupportedAudio(AudioError):
    """Well-formed audio of a kind that this server does not carry."""
