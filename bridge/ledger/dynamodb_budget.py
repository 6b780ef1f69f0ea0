"""So many requests a minute to FloKit, shared by all functions that deliver: a token bucket with one item for state.

The item holds a time: when the bucket would be full again. Each request moves it on by one interval, and may leave
unless that time lies too far ahead (the "generic cell rate algorithm" of ATM networks, ITU-T I.371). No window of 60
seconds, however it is cut, ever holds more requests than allowed.
"""

from bridge.ledger.dynamodb_items import Item
from bridge.ledger.dynamodb_keys import Key
from bridge.ledger.dynamodb_table import ConditionFailed, Table, put
from bridge.values.records import Environment
from bridge.values.times import MINUTE_MS, Clock

BURST = 5  # requests, or a tenth of a small budget, that may leave one after the other when none left for a while
CLOCKS_APART_MS = MINUTE_MS  # how far the clocks of two functions may be apart
TRIES = 3


class DynamoBudget:
    """The budget of one environment, that is of one workspace (see bridge.delivery.budget.Budget)."""

    def __init__(self, table: Table, environment: Environment, requests_per_minute: int, clock: Clock) -> None:
        if requests_per_minute < 1:
            raise ValueError("at least one request a minute is needed")
        burst = min(BURST, max(requests_per_minute // 10, 1))
        # In less than a minute so many intervals may end, and a whole burst may go beside them.
        self._interval_ms = -(-MINUTE_MS // (requests_per_minute - burst + 1))
        self._ahead_ms = (burst - 1) * self._interval_ms
        self._table = table
        self._key: Key = (f"budget#{environment.value}", "budget")
        self._clock = clock
        self._full_at_ms = 0

    def wait_ms(self) -> int:
        """How long until a request may leave, as far as it is known here."""
        now_ms = self._clock()
        return 0 if self._is_wrong(now_ms) else max(self._full_at_ms - self._ahead_ms - now_ms, 0)

    def take(self) -> bool:
        """Take the right to send one request now. False when others took what there was. Raises LedgerError."""
        for _ in range(TRIES):
            if self.wait_ms():
                return False
            now_ms = self._clock()
            from_ms = now_ms if self._is_wrong(now_ms) else max(self._full_at_ms, now_ms)
            if self._is_written(from_ms + self._interval_ms):
                return True
        return False

    def answered(self) -> None:
        """A request counts from its beginning: one function at a time sends, and only when the last one is answered."""

    def _is_wrong(self, now_ms: int) -> bool:
        """Whether the state was written by a clock so far ahead that it would silence delivery."""
        return self._full_at_ms > now_ms + self._ahead_ms + self._interval_ms + CLOCKS_APART_MS

    def _is_written(self, full_at_ms: int) -> bool:
        """Whether the state was still as it is known here; if not, it is known now."""
        condition, values = "#full_at_ms = :known OR attribute_not_exists(#pk)", {"known": self._full_at_ms}
        try:
            self._table.write(put({"full_at_ms": full_at_ms}, self._key, condition, values, tell=True))
        except ConditionFailed as error:
            self._full_at_ms = _full_at_ms(error.item)
            return False
        self._full_at_ms = full_at_ms
        return True


def _full_at_ms(item: Item) -> int:
    found: int = item.get("full_at_ms", 0)
    return found
