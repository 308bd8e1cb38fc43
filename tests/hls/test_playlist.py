from hls.playlist import Entry, render_media_playlist

WALL = 1_795_420_580.1239


def test_a_playlist_line_by_line() -> None:
    entries = [
        Entry("demo-1f-7.ts", 1.9969161, WALL),
        Entry("demo-1f-8.ts", 2.0201360, WALL + 2),
        Entry("demo-2e-9.ts", 1.9969161, WALL + 60, discontinuity=True),
    ]
    text = render_media_playlist(
        entries, media_sequence=7, discontinuity_sequence=3, target_duration_s=2, ended=False
    )
    assert text == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:3\n"
        "#EXT-X-TARGETDURATION:2\n"
        "#EXT-X-MEDIA-SEQUENCE:7\n"
        "#EXT-X-DISCONTINUITY-SEQUENCE:3\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        "#EXT-X-PROGRAM-DATE-TIME:2026-11-23T07:56:20.123Z\n"
        "#EXTINF:1.99692,\n"
        "demo-1f-7.ts\n"
        "#EXT-X-PROGRAM-DATE-TIME:2026-11-23T07:56:22.123Z\n"
        "#EXTINF:2.02014,\n"
        "demo-1f-8.ts\n"
        "#EXT-X-DISCONTINUITY\n"
        "#EXT-X-PROGRAM-DATE-TIME:2026-11-23T07:57:20.123Z\n"
        "#EXTINF:1.99692,\n"
        "demo-2e-9.ts\n"
    )


def test_a_discontinuity_on_the_first_segment_is_dated_once() -> None:
    text = render_media_playlist(
        [Entry("a.ts", 2.0, WALL, discontinuity=True)],
        media_sequence=1,
        discontinuity_sequence=0,
        target_duration_s=2,
        ended=True,
    )
    assert text.count("#EXT-X-PROGRAM-DATE-TIME") == 1
    assert text.endswith("#EXT-X-ENDLIST\n")
    assert "PLAYLIST-TYPE" not in text
