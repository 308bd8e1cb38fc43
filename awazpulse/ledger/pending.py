"""What is to be written of one table: beginnings and ends. No I/O.

An end that comes before its beginning has been written is written with it, as one row.
"""

from dataclasses import dataclass, field
from itertools import islice
from typing import Any

Row = dict[str, Any]

MAX_PENDING = 100_000  # beginnings and ends; about 60 MB, after hours without a database


@dataclass(slots=True)
class Batch:
    """Some of what is pending, taken out to be written: new rows, changes of rows, and rows to delete."""

    starts: dict[int, Row] = field(default_factory=dict)
    ends: dict[int, Row] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.starts) + len(self.ends)


class Pending:
    """The beginnings and ends that the database does not have yet, by number."""

    def __init__(self, max_pending: int = MAX_PENDING) -> None:
        self.lost = 0  # more came than may wait
        self._max_pending = max_pending
        self._starts: dict[int, Row] = {}
        self._ends: dict[int, Row] = {}

    def __len__(self) -> int:
        return len(self._starts) + len(self._ends)

    def begin(self, number: int, row: Row) -> None:
        """Have a row written."""
        if len(self) >= self._max_pending:
            self.lost += 1
        else:
            self._starts[number] = row

    def end(self, number: int, values: Row) -> None:
        """Have a row's end written; `values` are the columns that change."""
        row = self._starts.get(number)
        if row is not None:
            row |= values
        elif len(self) >= self._max_pending:
            self.lost += 1
        else:
            self._ends[number] = values

    def cancel(self, number: int) -> bool:
        """Forget a row that has not been written; say whether it was one."""
        return self._starts.pop(number, None) is not None

    def take(self, max_rows: int) -> Batch:
        """Take out what came first. An end is taken only after its beginning has been."""
        batch = Batch()
        for number in list(islice(self._starts, max_rows)):
            batch.starts[number] = self._starts.pop(number)
        if not self._starts:
            for number in list(islice(self._ends, max_rows - len(batch))):
                batch.ends[number] = self._ends.pop(number)
        return batch

    def put_back(self, batch: Batch) -> None:
        """Take back what could not be written, to the front."""
        self._starts = batch.starts | self._starts
        self._ends = batch.ends | self._ends
