"""What can go wrong with encoding and decoding."""

from awazpulse.errors import AwazPulseError, PeerError


class UnusableFile(PeerError):
    """A file that cannot be a channel's fallback. The owner's fault: the text is for the owner."""


class MediaFailed(AwazPulseError):
    """The worker did not do what it was asked: it crashed, hung, was closed, or the disk is full."""


class MediaBusy(MediaFailed):
    """So much waits for the worker that nothing more is taken."""
