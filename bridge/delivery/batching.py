"""When a backlog goes in batches, and how long it takes to drain at the rate that FloKit allows."""

from dataclasses import dataclass

from bridge.delivery.flokit import MAX_BATCH
from bridge.delivery.standing import Standing
from bridge.ledger.base import Backlog
from bridge.values.times import MINUTE_MS

BATCH_BEYOND_MINUTES = 2  # a backlog that single events could not drain in so many minutes goes in batches


@dataclass(frozen=True, slots=True)
class Forecast:
    """When a backlog is drained if FloKit takes all of it: after `pause_ms` of rest, `requests` within `drain_ms`."""

    requests: int
    pause_ms: int
    drain_ms: int


def singles_up_to(requests_per_minute: int) -> int:
    """How many events still go one by one, each protected by its key, rather than in a batch."""
    return min(BATCH_BEYOND_MINUTES * requests_per_minute, MAX_BATCH // 2)


def forecast(backlog: Backlog, alone: int, standing: Standing, requests_per_minute: int, now_ms: int) -> Forecast:
    """For a backlog of which `alone` events are in doubt, so that they never go in a batch.

    What comes in meanwhile is not counted.
    """
    few = singles_up_to(requests_per_minute)
    in_batches = max(backlog.count - alone - few, 0)
    requests = backlog.count - in_batches + _batches(in_batches, standing.batch_size)
    return Forecast(requests, standing.wait_ms(now_ms), requests * MINUTE_MS // requests_per_minute)


def _batches(events: int, size: int) -> int:
    """How many batches, of which each that gets through doubles the next."""
    count = 0
    while events > 0:
        if size >= MAX_BATCH:
            return count + -(-events // MAX_BATCH)
        count, events, size = count + 1, events - size, size * 2
    return count
