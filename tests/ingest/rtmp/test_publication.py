from awazpulse.relay import Broadcast, End, EndReason, Station
from ingest.rtmp.metadata import Metadata
from ingest.rtmp.publication import Publication

STATION = Station(address="192.0.2.1", user_agent="FMLE/3.0")
LEFT = End(EndReason.DISCONNECTED)
FINISHED = End(EndReason.FINISHED)
STOPPED = End(EndReason.STOPPED)


class _Encoder:
    def __init__(self) -> None:
        self.cut_off: list[End] = []
        self.publication = Publication("demo", STATION, self.cut_off.append)
        self.broadcast = Broadcast("demo", "hls", max_listeners=1, now=0.0)
        self.input = self.broadcast.connect(self.publication, STATION, 0.0)

    def open(self) -> bool:
        return self.publication.open(self.input, 1.0, LEFT)


def test_an_opened_publication_has_its_way_in() -> None:
    encoder = _Encoder()
    assert encoder.open()
    assert encoder.publication.input is encoder.input
    assert encoder.input.is_open


def test_an_input_that_comes_after_the_encoder_left_is_ended() -> None:
    encoder = _Encoder()
    was_gone = encoder.publication.is_gone
    encoder.publication.end(LEFT, 1.0)
    assert (was_gone, encoder.publication.is_gone) == (False, True)
    assert not encoder.open()
    assert not encoder.input.is_open
    assert encoder.broadcast.last_loss == LEFT
    assert encoder.cut_off == []


def test_an_input_that_was_closed_before_it_came_is_not_taken() -> None:
    encoder = _Encoder()
    encoder.broadcast.close(STOPPED)
    assert encoder.publication.is_gone
    assert not encoder.open()
    assert encoder.cut_off == [STOPPED]


def test_the_end_of_the_encoder_ends_its_input_and_cuts_nothing_off() -> None:
    encoder = _Encoder()
    encoder.open()
    encoder.publication.end(FINISHED, 1.0)
    encoder.publication.end(LEFT, 2.0)
    assert encoder.broadcast.last_loss == FINISHED
    assert not encoder.broadcast.is_closed
    assert encoder.cut_off == []


def test_the_end_of_the_broadcast_cuts_the_encoder_off_once() -> None:
    encoder = _Encoder()
    encoder.open()
    encoder.broadcast.close(STOPPED)
    encoder.publication.end(LEFT, 1.0)
    assert encoder.cut_off == [STOPPED]
    assert encoder.publication.input is None


def test_a_takeover_cuts_the_encoder_off_and_leaves_the_broadcast() -> None:
    encoder = _Encoder()
    encoder.open()
    other = Publication("demo", Station(address="192.0.2.2"), lambda _end: None)
    encoder.broadcast.connect(other, other.station, 1.0)
    assert encoder.cut_off == [End(EndReason.TAKEN_OVER, "192.0.2.2")]
    assert not encoder.broadcast.is_closed


def test_metadata_adds_to_what_is_known_of_the_station() -> None:
    encoder = _Encoder()
    encoder.publication.set_metadata(Metadata(64, "too early"))
    encoder.open()
    encoder.publication.set_metadata(Metadata(160))
    assert encoder.broadcast.station == Station(
        address="192.0.2.1", user_agent="FMLE/3.0", bitrate_kbps=160
    )
    encoder.publication.set_metadata(Metadata(None, "obs-output"))
    assert encoder.broadcast.station.user_agent == "obs-output"
    assert encoder.broadcast.bitrate_kbps == 160
