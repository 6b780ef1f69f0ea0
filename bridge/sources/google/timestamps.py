"""Google's timestamps: RFC 3339 text such as `2026-11-01T12:00:00.123456789Z`."""

import re

from bridge.errors import BadNotification
from bridge.values.reader import Reader
from bridge.values.times import LATEST_MS, from_iso

_BEYOND_MICROSECONDS = re.compile(r"(\.[0-9]{6})[0-9]+")


def milliseconds_at(document: Reader, *places: str) -> int | None:
    """The first time at one of the places, epoch milliseconds. Raises BadNotification when it is no time."""
    text = document.text(*places)
    if text is None:
        return None
    try:
        at_ms = from_iso(_BEYOND_MICROSECONDS.sub(r"\1", text))
    except ValueError:
        at_ms = -1
    if not 0 <= at_ms <= LATEST_MS:
        raise BadNotification(f"{document.at}.{places[0]}: expected a time between 1970 and 9999")
    return at_ms
