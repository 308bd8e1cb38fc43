"""Hears of titles by the channels' events. No I/O."""

from awazpulse.channels.events import ChannelChange, ChannelEvent

from .book import Book


class TitleLog:
    """Writes what plays on each channel into the book."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def note(self, event: ChannelEvent) -> None:
        """Take an event, which has just come."""
        if event.change is ChannelChange.TITLE:
            self._book.note_title(event.channel_id, event.stream_type, event.facts)
        elif event.change is ChannelChange.OFF_AIR:
            self._book.end_title(event.channel_id)
