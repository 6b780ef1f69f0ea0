"""Looking at booked Google orders again: refunds of money alone raise no notification.

Each hour's orders are looked at again at some ages. The bridge enters a notification of its own for that, which asks
and is mapped like any other, so that the ledger shows why there is a refund. It does this beside the pipeline of
Google's notifications, in a thread of the worker (`Maps`).
"""

from bridge.ledger.base import Ledger, MemoryChange
from bridge.log import Log
from bridge.sources.google.booked import REREAD, hour_of, subject_of
from bridge.values import jsontext
from bridge.values.records import Environment, Notification
from bridge.values.times import DAY_MS, HOUR_MS, Clock

# Google refunds within 48 hours, developers and banks later: https://support.google.com/googleplay/answer/2479637
AGES_DAYS = (1, 2, 3, 5, 7, 10, 14, 21, 30, 45, 60, 90, 120)
MAX_ORDERS = 1_000  # one call of orders.batchGet
HOURS_AT_ONCE = 24
_CURSOR = "google:reread"


class Rereading:
    """Enters what is to be looked at again, hour by hour, however long the bridge was down in between."""

    def __init__(self, ledger: Ledger, clock: Clock, log: Log) -> None:
        self._ledger = ledger
        self._clock = clock
        self._log = log

    def step(self, limit: int = HOURS_AT_ONCE) -> int:
        """Enter what has become due, for at most `limit` hours; gives how many hours were gone through."""
        now = hour_of(self._clock())
        cursor = self._ledger.recall(_CURSOR)
        done: int = cursor.document.get("hour", now - 1)
        hours = range(done + 1, min(now, done + limit) + 1)
        if not hours:
            return 0
        due = [one for hour in hours for days in AGES_DAYS for one in self._due(hour, days)]
        self._ledger.keep(due)
        self._ledger.settle([], {_CURSOR: MemoryChange({"hour": hours[-1]}, cursor.version)}, self._clock())
        if due:
            self._log("reread", orders_from_hours=len(hours), notifications=len(due))
        return len(hours)

    def next_due_ms(self) -> int | None:
        """The beginning of the next hour."""
        return (hour_of(self._clock()) + 1) * HOUR_MS

    def _due(self, hour: int, days: int) -> list[Notification]:
        booked_hour = hour - days * DAY_MS // HOUR_MS
        orders: dict[str, list[str]] = self._ledger.recall(f"google:{subject_of(booked_hour)}").document.get(
            "orders", {}
        )
        return [
            self._notification(package, booked_hour, days, start, ids[start : start + MAX_ORDERS])
            for package, ids in sorted(orders.items())
            for start in range(0, len(ids), MAX_ORDERS)
        ]

    def _notification(self, package: str, hour: int, days: int, start: int, ids: list[str]) -> Notification:
        body = {"packageName": package, "bridgeRereadNotification": {"orderIds": ids}}
        return Notification(
            source="google",
            id=f"bridge:reread:{package}:{hour}:{days}d:{start}",
            type=REREAD,
            environment=Environment.PRODUCTION,
            occurred_at_ms=self._clock(),
            received_at_ms=self._clock(),
            body=jsontext.dumps(body),
        )
