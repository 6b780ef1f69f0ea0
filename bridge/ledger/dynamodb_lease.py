"""The right to deliver for an environment, or to map for a source, held by one function at a time, and free again when
that one has died.

It ends by itself, later than any function that could hold it: AWS ends a function at its time-out, so that nobody who
lost the right can still be at work.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html
"""

import uuid
from types import TracebackType
from typing import Self

from bridge.ledger.dynamodb_items import Item
from bridge.ledger.dynamodb_keys import Key
from bridge.ledger.dynamodb_table import ConditionFailed, Table, delete, put
from bridge.values.times import Clock


class Lease:
    """Gives one right."""

    def __init__(self, table: Table, name: str, clock: Clock, *, lasts_ms: int) -> None:
        """`name` says what it is the right to; `lasts_ms` has to be longer than the time-out of who takes it."""
        self._table = table
        self._key: Key = (f"lease#{name}", "lease")
        self._clock = clock
        self._lasts_ms = lasts_ms

    def take(self) -> "HeldLease | None":
        """The right, or None while another function has it. Raises LedgerError."""
        holder, now_ms = str(uuid.uuid4()), self._clock()
        item: Item = {"holder": holder, "until_ms": now_ms + self._lasts_ms}
        # One that ends later than any lease that is taken now could is of a clock that was wrong.
        condition = "attribute_not_exists(#pk) OR #until_ms <= :now OR #until_ms > :latest"
        values = {"now": now_ms, "latest": now_ms + 2 * self._lasts_ms}
        try:
            self._table.write(put(item, self._key, condition, values, tell=True))
        except ConditionFailed as error:
            if (
                error.item.get("holder") != holder
            ):  # it is ours when only the answer was lost and the request went again
                return None
        return HeldLease(self._table, self._key, holder)


class HeldLease:
    """The right, until the block ends. Raises LedgerError when it cannot be given back."""

    def __init__(self, table: Table, key: Key, holder: str) -> None:
        self._table = table
        self._key = key
        self._holder = holder

    def release(self) -> None:
        """Let another function have it. What another one took over meanwhile stays with that one."""
        try:
            self._table.write(delete(self._key, "#holder = :me", {"me": self._holder}))
        except ConditionFailed:
            return

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
