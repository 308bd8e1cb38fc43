from awazpulse.relay import Broadcast, Station
from ingest.rtmp.metadata import Metadata
from ingest.rtmp.publication import Publication

STATION = Station(address="192.0.2.1", user_agent="FMLE/3.0")


class _Encoder:
    def __init__(self) -> None:
        self.aborts: list[str] = []
        self.publication = Publication("demo", STATION, self.aborts.append)
        self.broadcast = Broadcast(
            "demo", "hls", self.publication, station=STATION, max_listeners=1, now=0.0
        )


def test_an_opened_publication_has_its_broadcast() -> None:
    encoder = _Encoder()
    assert encoder.publication.open(encoder.broadcast)
    assert encoder.publication.broadcast is encoder.broadcast
    assert not encoder.broadcast.is_closed


def test_a_broadcast_that_comes_after_the_encoder_left_is_closed() -> None:
    encoder = _Encoder()
    was_gone = encoder.publication.is_gone
    encoder.publication.end("the encoder left")
    assert (was_gone, encoder.publication.is_gone) == (False, True)
    assert not encoder.publication.open(encoder.broadcast)
    assert encoder.broadcast.closed_reason == "the encoder left before it was accepted"
    assert encoder.aborts == []


def test_a_broadcast_that_was_closed_before_it_came_is_not_taken() -> None:
    encoder = _Encoder()
    encoder.broadcast.close("switched")
    assert encoder.publication.is_gone
    assert not encoder.publication.open(encoder.broadcast)
    assert encoder.aborts == ["switched"]


def test_the_end_of_the_encoder_closes_the_broadcast_and_aborts_nothing() -> None:
    encoder = _Encoder()
    encoder.publication.open(encoder.broadcast)
    encoder.publication.end("the encoder stopped")
    encoder.publication.end("again")
    assert encoder.broadcast.closed_reason == "the encoder stopped"
    assert encoder.aborts == []


def test_the_end_of_the_broadcast_aborts_the_encoder_once() -> None:
    encoder = _Encoder()
    encoder.publication.open(encoder.broadcast)
    encoder.broadcast.close("kicked")
    encoder.publication.end("the encoder left")
    assert encoder.aborts == ["kicked"]
    assert encoder.publication.broadcast is None


def test_metadata_adds_to_what_is_known_of_the_station() -> None:
    encoder = _Encoder()
    encoder.publication.set_metadata(Metadata(64, "too early"))
    encoder.publication.open(encoder.broadcast)
    encoder.publication.set_metadata(Metadata(160))
    assert encoder.broadcast.station == Station(
        address="192.0.2.1", user_agent="FMLE/3.0", bitrate_kbps=160
    )
    encoder.publication.set_metadata(Metadata(None, "obs-output"))
    assert encoder.broadcast.station.user_agent == "obs-output"
    assert encoder.broadcast.bitrate_kbps == 160
