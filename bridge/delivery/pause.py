"""How long to leave FloKit alone after a failure: 1 second, doubling to 5 minutes, each 20 % more or less."""

import random

from bridge.values.times import MINUTE_MS, SECOND_MS

FIRST_MS = SECOND_MS
LONGEST_MS = 5 * MINUTE_MS
STOPPED_MS = 15 * MINUTE_MS  # after a Stop only a person can help: one try each 15 minutes


def pause_ms(failures: int, asked_for_ms: int | None, rng: random.Random) -> int:
    """How long after so many failures in a row; FloKit's own Retry-After, `asked_for_ms`, counts instead."""
    if asked_for_ms is None:
        return growing_ms(failures, LONGEST_MS, rng)
    return max(asked_for_ms, FIRST_MS)


def growing_ms(failures: int, longest_ms: int, rng: random.Random) -> int:
    """1 s after the first failure, doubling to `longest_ms`; 20 % more or less, lest many come at once."""
    even_ms = min(FIRST_MS << min(failures - 1, 30), longest_ms)
    return int(even_ms * rng.uniform(0.8, 1.2))
