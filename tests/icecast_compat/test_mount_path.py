import pytest

from icecast_compat.mount_path import parse_mount_path


@pytest.mark.parametrize("path", ["/demo.mp3", "/demo.aac", "/demo"])
def test_every_name_of_a_mount_means_the_same_channel(path: str) -> None:
    assert parse_mount_path(path) == "demo"


def test_a_channel_id_at_the_limit_of_its_length_passes_and_a_longer_one_does_not() -> None:
    assert parse_mount_path("/" + "x" * 36 + ".mp3") == "x" * 36
    assert parse_mount_path("/" + "x" * 37 + ".mp3") is None


@pytest.mark.parametrize(
    "path", ["", "/", "demo", "/demo.ogg", "/a/b.mp3", "/demo.mp3.m3u", "/.mp3", "/demo\n", "/é"]
)
def test_other_paths_name_no_channel(path: str) -> None:
    assert parse_mount_path(path) is None
