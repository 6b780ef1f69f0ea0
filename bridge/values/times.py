"""Time: epoch milliseconds inside, ISO 8601 UTC outside. A clock is a function, so that tests and demos can move it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], int]
"""Gives now as epoch milliseconds."""

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST_MS = 253_402_300_799_999  # the last millisecond of the year 9999, as far as ISO 8601 with four digits goes


def system_clock() -> int:
    """Now, from the machine's clock."""
    return time.time_ns() // 1_000_000


def iso(at_ms: int) -> str:
    """`1764000000000` as `2025-11-24T16:00:00Z`; milliseconds only where there are any.

    Raises ValueError for a time outside the years 1970 to 9999.
    """
    if not 0 <= at_ms <= LATEST_MS:
        raise ValueError(f"a time of {at_ms} ms is outside the years 1970 to 9999")
    moment = EPOCH + timedelta(milliseconds=at_ms)
    return moment.isoformat(timespec="milliseconds" if at_ms % 1_000 else "seconds").replace("+00:00", "Z")


def from_iso(text: str) -> int:
    """`2025-11-24T16:00:00Z` as epoch milliseconds. Raises ValueError for anything that is no ISO 8601 time."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - EPOCH) // timedelta(milliseconds=1)
