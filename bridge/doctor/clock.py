"""This machine's clock, held against the `Date` of an answer (RFC 9110, section 6.6.1)."""

from collections.abc import Iterable, Sequence
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx

from bridge.doctor.checks import Check, State
from bridge.values.times import EPOCH, SECOND_MS, Clock

NAME = "clock"
FAR_OFF_S = 60
TIMEOUTS = httpx.Timeout(10, connect=5)


def checks(urls: Sequence[str], clock: Clock) -> Iterable[Check]:
    """Ask the addresses one after the other until one tells the time, whatever else it answers."""
    for url in urls:
        ahead_s = _seconds_ahead(url, clock)
        if ahead_s is not None:
            yield _judged(ahead_s, urlsplit(url).hostname or "")
            return
    why = "nobody who was asked told the time" if urls else "nothing is configured that tells the time"
    yield Check(NAME, State.SKIPPED, f"not compared: {why}")


def _judged(ahead_s: int, host: str) -> Check:
    if abs(ahead_s) <= FAR_OFF_S:
        return Check(NAME, State.OK, f"at most {FAR_OFF_S} seconds off that of {host}")
    way = "ahead of" if ahead_s > 0 else "behind"
    return Check(
        NAME,
        State.WRONG,
        f"{abs(ahead_s):,} seconds {way} that of {host}",
        "Let the machine keep it right (`timedatectl set-ntp true`): signatures and tokens hold for minutes only.",
    )


def _seconds_ahead(url: str, clock: Clock) -> int | None:
    """How far this clock is ahead; None when there is no answer, or none with a date."""
    asked_ms = clock()
    try:
        with httpx.stream("GET", url, timeout=TIMEOUTS) as response:
            told_ms = (parsedate_to_datetime(response.headers.get("date", "")) - EPOCH).total_seconds() * SECOND_MS
    except (
        httpx.HTTPError,
        httpx.InvalidURL,
        ValueError,
        TypeError,
        OverflowError,
    ):  # TypeError: a date without a zone
        return None
    return round(((asked_ms + clock()) / 2 - told_ms) / SECOND_MS)
