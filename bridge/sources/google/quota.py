"""Google's quota answers, respected: after one, its kind of look-up rests for as long as Google says."""

import re
from enum import StrEnum

from bridge.errors import NotYet
from bridge.values.times import HOUR_MS, MINUTE_MS, SECOND_MS, Clock, iso

PAUSE_MS = MINUTE_MS  # without Retry-After: the quotas are counted by the minute
LONGEST_PAUSE_MS = HOUR_MS  # a garbled Retry-After must not silence the look-ups for years

_SECONDS = re.compile(r"[0-9]{1,9}")


class Bucket(StrEnum):
    """Kinds of look-up, each with a quota of its own (https://developers.google.com/android-publisher/quotas)."""

    SUBSCRIPTIONS = "subscriptions"
    ONE_TIME = "one-time purchases"
    ORDERS = "orders"
    VOIDED = "voided purchases"


class Pauses:
    """Which kinds of look-up rest until when. Safe to use from several threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until_ms: dict[Bucket, int] = {}

    def check(self, bucket: Bucket) -> None:
        """Raises NotYet while this kind rests."""
        until_ms = self._until_ms.get(bucket, 0)
        if self._clock() < until_ms:
            raise NotYet(f"Google: its quota for {bucket} is used up until {iso(until_ms)} (429)")

    def begin(self, bucket: Bucket, retry_after: str) -> None:
        """Let this kind rest for `retry_after` seconds (the text of Google's header), or for a minute."""
        given = _SECONDS.fullmatch(retry_after.strip())
        pause_ms = min(int(given[0]) * SECOND_MS, LONGEST_PAUSE_MS) if given else PAUSE_MS
        self._until_ms[bucket] = self._clock() + pause_ms
