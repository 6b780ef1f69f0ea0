"""Old bodies are forgotten and the ledger's file made smaller, in the background and in small bites."""

from typing import Protocol

from bridge.log import Log
from bridge.values.times import DAY_MS, HOUR_MS, Clock

BODIES_AT_ONCE = 500  # one durable write of some milliseconds, for which webhooks wait
PAGES_AT_ONCE = 64
PAUSE_MS = 50  # between two bites, so that webhooks always come first


class Keeps(Protocol):
    """The part of a ledger that can be made smaller."""

    def forget_bodies(self, before_ms: int, limit: int) -> int:
        """Remove bodies of settled notifications received, and of events sent, before then; gives how many."""

    def compact(self, pages: int) -> int:
        """Give room back to the disk; gives how many pages."""


class Housekeeping:
    """Forgets what is too old, every hour, and then gives free room back. A crash in between costs nothing."""

    def __init__(self, ledger: Keeps, keep_days: int, clock: Clock, log: Log) -> None:
        """`keep_days` is how long bodies are kept; 0 keeps them for ever."""
        self._ledger = ledger
        self._keep_ms = keep_days * DAY_MS
        self._clock = clock
        self._log = log
        self._hour_done = -1
        self._bodies = 0
        self._pages = 0

    def step(self) -> int:
        """Take one bite; gives how many milliseconds to wait before the next."""
        hour = self._clock() // HOUR_MS
        if hour == self._hour_done:
            return (hour + 1) * HOUR_MS - self._clock()
        bodies = self._forget()
        pages = 0 if bodies else self._ledger.compact(PAGES_AT_ONCE)
        self._bodies += bodies
        self._pages += pages
        if not bodies and not pages:
            self._finish(hour)
        return PAUSE_MS

    def _forget(self) -> int:
        if not self._keep_ms:
            return 0
        return self._ledger.forget_bodies(self._clock() - self._keep_ms, BODIES_AT_ONCE)

    def _finish(self, hour: int) -> None:
        if self._bodies or self._pages:
            self._log("housekeeping", bodies_forgotten=self._bodies, pages_given_back=self._pages)
        self._hour_done, self._bodies, self._pages = hour, 0, 0
