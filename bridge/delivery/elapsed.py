"""How much time has passed, by a clock that people and NTP may set."""

from bridge.values.times import Clock


class Elapsed:
    """Milliseconds since it was made. A clock that is set back makes it stand still for that moment, no more."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen_ms = clock()
        self._passed_ms = 0

    def __call__(self) -> int:
        """How many milliseconds have passed."""
        now_ms = self._clock()
        self._passed_ms += max(now_ms - self._seen_ms, 0)
        self._seen_ms = now_ms
        return self._passed_ms
