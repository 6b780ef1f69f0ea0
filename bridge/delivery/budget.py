"""So many requests a minute: never more than that in any 60 seconds, however they are cut."""

from collections import deque

from bridge.values.times import MINUTE_MS


class Budget:
    """A sliding window over the requests of the last minute.

    Lives in memory: a process that is started again begins with a full budget, and FloKit's 429 holds it back.
    """

    def __init__(self, requests_per_minute: int) -> None:
        if requests_per_minute < 1:
            raise ValueError("at least one request a minute is needed")
        self._limit = requests_per_minute
        self._answered_at_ms: deque[int] = deque(maxlen=requests_per_minute)

    def spend(self, now_ms: int) -> None:
        """Count a request. To be called when the answer is there, so that slow requests do not arrive too close."""
        self._answered_at_ms.append(now_ms)

    def wait_ms(self, now_ms: int) -> int:
        """How long until the next request may go; 0 when it may go now."""
        if len(self._answered_at_ms) < self._limit:
            return 0
        return max(self._answered_at_ms[0] + MINUTE_MS - now_ms, 0)
