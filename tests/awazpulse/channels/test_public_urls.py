import pytest

from awazpulse.channels.credentials import make_credentials
from awazpulse.channels.public_urls import PublicUrls


@pytest.mark.parametrize(
    ("host", "in_url"),
    [
        ("radio.example", "radio.example"),
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "[2001:db8::1]"),
        ("[2001:db8::1]", "[2001:db8::1]"),
    ],
)
def test_urls_spell_the_host_as_they_must(host: str, in_url: str) -> None:
    urls = PublicUrls(host, 1, 2, 3, 4)
    assert urls.rtmp == f"rtmp://{in_url}:1/live"
    assert urls.playback("demo", "icecast") == f"http://{in_url}:2/demo.mp3"
    assert urls.playback("demo", "hls") == f"http://{in_url}:3/hls/demo.m3u8"
    assert urls.api == f"http://{in_url}:4"


def test_with_an_origin_players_and_the_api_go_there_and_encoders_to_the_ports() -> None:
    urls = PublicUrls("radio.example", 1, 2, 3, 4, "https://radio.example:8443")
    assert urls.playback("demo", "icecast") == "https://radio.example:8443/demo.mp3"
    assert urls.playback("demo", "hls") == "https://radio.example:8443/hls/demo.m3u8"
    assert urls.api == "https://radio.example:8443"
    assert urls.rtmp == "rtmp://radio.example:1/live"
    icecast = make_credentials("demo", "key", "password", urls).icecast
    assert (icecast.server, icecast.port) == ("radio.example", 2)


def test_encoder_is_told_the_host_without_brackets() -> None:
    credentials = make_credentials("demo", "key", "password", PublicUrls("2001:db8::1"))
    assert credentials.icecast.server == "2001:db8::1"
    assert credentials.hls.stream_key == "demo?key=key"
