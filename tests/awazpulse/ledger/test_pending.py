from hypothesis import given
from hypothesis import strategies as st

from awazpulse.ledger.pending import Pending


def test_a_row_that_ends_before_it_is_written_is_written_whole() -> None:
    pending = Pending()
    pending.begin(1, {"id": 1, "ended_ms": None})
    pending.end(1, {"ended_ms": 7})
    batch = pending.take(10)
    assert batch.starts == {1: {"id": 1, "ended_ms": 7}}
    assert batch.ends == {}
    assert len(pending) == 0


def test_an_end_waits_until_all_beginnings_have_been_taken() -> None:
    pending = Pending()
    pending.end(1, {"ended_ms": 7})
    for number in (2, 3):
        pending.begin(number, {"id": number})
    assert pending.take(1).starts.keys() == {2}
    batch = pending.take(2)
    assert (set(batch.starts), set(batch.ends)) == ({3}, {1})


def test_what_could_not_be_written_comes_first_again() -> None:
    pending = Pending()
    for number in (1, 2):
        pending.begin(number, {"id": number})
    batch = pending.take(1)
    pending.end(1, {"ended_ms": 7})  # while the batch was under way
    pending.put_back(batch)
    assert list(pending.take(1).starts) == [1]
    assert list(pending.take(10).ends) == [1]


def test_a_cancelled_beginning_is_forgotten() -> None:
    pending = Pending()
    pending.begin(1, {"id": 1})
    assert pending.cancel(1)
    assert not pending.cancel(1)
    assert len(pending) == 0


def test_more_than_the_limit_is_counted_as_lost() -> None:
    pending = Pending(max_pending=2)
    for number in (1, 2, 3):
        pending.begin(number, {"id": number})
    pending.end(1, {"ended_ms": 7})  # takes no room
    pending.end(3, {"ended_ms": 7})
    assert (len(pending), pending.lost) == (2, 2)


@given(st.lists(st.tuples(st.sampled_from(["begin", "end", "take", "fail"]), st.integers(1, 5))))
def test_every_row_is_written_once_and_ends_after_it_began(steps: list[tuple[str, int]]) -> None:
    pending = Pending()
    open_numbers: list[int] = []
    written: dict[int, bool] = {}  # whether it has ended
    ended: set[int] = set()
    last = 0

    def write(count: int) -> None:
        batch = pending.take(count)
        for number, row in batch.starts.items():
            assert number not in written
            written[number] = "ended_ms" in row
        for number in batch.ends:
            assert not written[number]
            written[number] = True

    for step, count in steps:
        if step == "begin":
            for _ in range(count):
                last += 1
                open_numbers.append(last)
                pending.begin(last, {"id": last})
        elif step == "end":
            for number in open_numbers[:count]:
                pending.end(number, {"ended_ms": 1})
                ended.add(number)
            del open_numbers[:count]
        elif step == "take":
            write(count)
        else:
            pending.put_back(pending.take(count))
    while len(pending):
        write(3)
    assert written == {number: number in ended for number in range(1, last + 1)}
