from awazpulse.readiness import Readiness


def test_a_server_is_ready_when_its_ports_listen_and_its_rows_are_repaired() -> None:
    readiness = Readiness()
    readiness.is_repaired = True
    readiness.watch_port("RTMP", lambda: True)
    assert readiness.list_missing() == []


def test_all_that_is_missing_is_named() -> None:
    readiness = Readiness()
    readiness.watch_port("RTMP", lambda: True)
    readiness.watch_port("HLS", lambda: False)
    readiness.is_draining = True
    assert readiness.list_missing() == [
        "the port of HLS does not listen",
        "the rows of the streams are not repaired yet",
        "the server is about to stop",
    ]


def test_a_port_is_asked_each_time() -> None:
    answers = iter([False, True])
    readiness = Readiness()
    readiness.is_repaired = True
    readiness.watch_port("HLS", lambda: next(answers))
    assert [bool(readiness.list_missing()) for _ in range(2)] == [True, False]
