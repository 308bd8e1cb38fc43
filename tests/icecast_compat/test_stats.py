import json
from dataclasses import dataclass

from awazpulse.relay import Broadcast, Station, Title
from awazpulse.relay.listener_count import ListenerCount
from icecast_compat.stats import describe_mount, describe_server
from tests.icecast_compat.workbench import open_broadcast

BASE_URL = "http://radio.example:8000"
STARTED = 784_111_777.0


@dataclass
class Mount:
    broadcast: Broadcast
    path: str = "/demo.mp3"
    content_type: str = "audio/mpeg"
    started: float = STARTED
    has_room: bool = True

    @property
    def count(self) -> ListenerCount:
        return self.broadcast.listeners_of("icecast")

    def listener_head(self, *, icy: bool) -> bytes:
        raise NotImplementedError

    def first_bytes(self, count: int) -> bytes:
        raise NotImplementedError


def put_on_air(
    channel_id: str = "demo", path: str = "/demo.mp3", station: Station | None = None
) -> Mount:
    return Mount(open_broadcast(channel_id, station)[0], path)


def describe(*mounts: Mount) -> dict[str, object]:
    document = describe_server(mounts, host="radio.example", base_url=BASE_URL, started=STARTED)
    content: dict[str, dict[str, object]] = json.loads(document)
    assert list(content) == ["icestats"]
    return content["icestats"]


def test_a_mount_whose_source_says_nothing_has_what_we_know_and_no_more() -> None:
    assert describe_mount(put_on_air(), BASE_URL) == {
        "listener_peak": 0,
        "listeners": 0,
        "listenurl": "http://radio.example:8000/demo.mp3",
        "server_type": "audio/mpeg",
        "sound": "nothing",  # no frame has come yet
        "stream_start": "Sun, 06 Nov 1994 08:49:37 +0000",
        "stream_start_iso8601": "1994-11-06T08:49:37+0000",
        "dummy": None,
    }


def test_what_the_source_says_of_itself_is_told() -> None:
    station = Station(
        name="نور", description="News", genre="talk", url="http://x/", bitrate_kbps=96
    )
    mount = put_on_air(station=station)
    mount.broadcast.set_title(Title.from_text("1984"))
    entry = describe_mount(mount, BASE_URL)
    assert entry["server_name"] == "نور"
    assert entry["server_description"] == "News"
    assert (entry["genre"], entry["server_url"], entry["bitrate"]) == ("talk", "http://x/", 96)
    assert entry["title"] == "1984"  # a title is text even if it looks like a number


def test_each_pair_of_the_audio_info_is_an_entry_of_its_own() -> None:
    info = "ice-bitrate=128; ice-channels=2;quality=high;=nobody;;alone"
    entry = describe_mount(put_on_air(station=Station(audio_info=info)), BASE_URL)
    assert entry["audio_info"] == info
    assert (entry["ice-bitrate"], entry["ice-channels"]) == (128, 2)
    assert (entry["quality"], entry["alone"]) == ("high", "")
    assert "" not in entry


def test_listeners_are_counted_now_and_at_the_peak() -> None:
    mount = put_on_air()
    mount.count.listener_joined()
    mount.count.listener_joined()
    mount.count.listener_left()
    entry = describe_mount(mount, BASE_URL)
    assert (entry["listeners"], entry["listener_peak"]) == (1, 2)


def test_entries_stand_in_the_order_that_icecast_writes() -> None:
    names = list(describe_mount(put_on_air(), BASE_URL))
    assert names == [*sorted(names[:-1]), "dummy"]


def test_source_is_absent_one_object_or_an_array() -> None:
    assert "source" not in describe()
    assert isinstance(describe(put_on_air())["source"], dict)
    many = describe(put_on_air(), put_on_air("b", "/b.mp3"))["source"]
    assert isinstance(many, list)
    assert [source["listenurl"] for source in many] == [
        f"{BASE_URL}/demo.mp3",
        f"{BASE_URL}/b.mp3",
    ]


def test_the_server_tells_who_it_is_and_since_when() -> None:
    stats = describe()
    assert (stats["host"], stats["admin"]) == ("radio.example", "admin@radio.example")
    assert stats["server_id"] == "AwazPulse"
    assert stats["server_start_iso8601"] == "1994-11-06T08:49:37+0000"
