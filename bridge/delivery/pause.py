"""How long to leave FloKit alone after a failure: 1 second, doubling to 5 minutes, each 20 % more or less."""

import random

from bridge.values.times import MINUTE_MS, SECOND_MS

FIRST_MS = SECOND_MS
LONGEST_MS = 5 * MINUTE_MS
STOPPED_MS = 15 * MINUTE_MS


class Pause:
    """Grows with each failure in a row, ends with a success. Lives in memory: a restart tries again at once."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._until_ms = 0
        self.failures = 0

    def fail(self, now_ms: int, asked_for_ms: int | None) -> int:
        """Note a failure and give the pause's length; FloKit's own Retry-After, `asked_for_ms`, counts instead."""
        self.failures += 1
        if asked_for_ms is None:
            return self._begin(now_ms, growing_ms(self.failures, LONGEST_MS, self._rng))
        return self._begin(now_ms, max(asked_for_ms, FIRST_MS))

    def stop(self, now_ms: int) -> None:
        """Note that only a person can help: one try each 15 minutes."""
        self.failures += 1
        self._begin(now_ms, STOPPED_MS)

    def end(self) -> None:
        """Note a success."""
        self.failures = 0

    def wait_ms(self, now_ms: int) -> int:
        """How long the pause still lasts; 0 when there is none."""
        return max(self._until_ms - now_ms, 0)

    def _begin(self, now_ms: int, length_ms: int) -> int:
        self._until_ms = now_ms + length_ms
        return length_ms


def growing_ms(failures: int, longest_ms: int, rng: random.Random) -> int:
    """1 s after the first failure, doubling to `longest_ms`; 20 % more or less, lest many come at once."""
    even_ms = min(FIRST_MS << min(failures - 1, 30), longest_ms)
    return int(even_ms * rng.uniform(0.8, 1.2))
