"""So many requests a minute: never more than that in any 60 seconds, however they are cut."""

from collections import deque
from typing import Protocol

from bridge.delivery.elapsed import Elapsed
from bridge.values.times import MINUTE_MS, Clock


class Budget(Protocol):
    """How many requests a minute may go to FloKit."""

    def wait_ms(self) -> int:
        """How long until a request may leave as far as is known here; 0: now. Reserves nothing, costs little."""

    def take(self) -> bool:
        """Take the right to send one request now. False when another sender took it; `wait_ms` then says how long."""

    def answered(self) -> None:
        """Note that the answer to the request is there, or that there is none."""


class WindowBudget:
    """A sliding window over the requests of the last minute, for the one sender of a workspace.

    Lives in memory: a process that is started again begins with a full budget, and FloKit's 429 holds it back. A
    request counts from its answer on, so that slow ones do not arrive too close to the next.
    """

    def __init__(self, requests_per_minute: int, clock: Clock) -> None:
        if requests_per_minute < 1:
            raise ValueError("at least one request a minute is needed")
        self._limit = requests_per_minute
        self._elapsed = Elapsed(clock)
        self._answered_at_ms: deque[int] = deque(maxlen=requests_per_minute)

    def wait_ms(self) -> int:
        """How long until the next request may go; 0 when it may go now."""
        elapsed_ms = self._elapsed()
        if len(self._answered_at_ms) < self._limit:
            return 0
        return max(self._answered_at_ms[0] + MINUTE_MS - elapsed_ms, 0)

    def take(self) -> bool:
        """Whether a request may leave now: nobody else takes from this budget."""
        return not self.wait_ms()

    def answered(self) -> None:
        """Count the request."""
        self._answered_at_ms.append(self._elapsed())
