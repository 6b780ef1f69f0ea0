"""A function's spell of work on what is kept: map, then deliver, until nothing is due or the function's time is up.

One function at a time maps for a source, and delivers for an environment, under a lease: so mapping sees all that was
mapped before, events leave in their order, and FloKit's requests are counted once.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

from bridge.ledger.base import Conflict
from bridge.log import Log, fault_place
from bridge.worker import Delivers, Maps

RESERVE_MS = 20_000  # a step begins only with so much time left: one request to FloKit, with its time-outs
LONGEST_SLEEP_MS = 2_000  # a longer pause is left to the schedule: sleep costs a function as much as work
BITE = 10  # notifications mapped in one write: a transaction of DynamoDB holds 100 items

TimeLeft = Callable[[], int]
"""Milliseconds until the function is ended, as its context tells."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Delivery of one environment: `lease` gives the right to it, or None while another function has it; `due`
    tells whether any event could go now."""

    deliverer: Delivers
    lease: Callable[[], AbstractContextManager[object] | None]
    due: Callable[[], bool]


class Shift:
    """What is to be mapped and delivered."""

    def __init__(
        self,
        pipelines: Sequence[Maps],
        deliveries: Sequence[Delivery],
        log: Log,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._pipelines = pipelines
        self._deliveries = deliveries
        self._log = log
        self._sleep = sleep

    def work(self, time_left_ms: TimeLeft) -> int:
        """Do what can be done in the time left. Gives how many jobs met a fault; they are taken up again later."""
        jobs = [
            *(partial(self._map, pipeline, time_left_ms) for pipeline in self._pipelines),
            *(partial(self._deliver, delivery, time_left_ms) for delivery in self._deliveries),
        ]
        return sum(map(self._is_faulty, jobs))

    def _is_faulty(self, job: Callable[[], object]) -> bool:
        try:
            job()
        except Conflict:  # another function is at work on the same, and sees to it
            return False
        except Exception as error:  # noqa: BLE001 - the other jobs go on, and this one is taken up again
            self._log("worker_fault", level="error", at=fault_place(error), fault=type(error).__name__)
            return True
        return False

    def _map(self, pipeline: Maps, time_left_ms: TimeLeft) -> None:
        while time_left_ms() > RESERVE_MS and pipeline.step(BITE):
            pass

    def _deliver(self, delivery: Delivery, time_left_ms: TimeLeft) -> None:
        # The second look sees what another function entered, and could not deliver, while this one had the lease.
        while time_left_ms() > RESERVE_MS and delivery.due():
            lease = delivery.lease()
            if lease is None:
                return
            with lease:
                if not self._all_sent(delivery, time_left_ms):
                    return

    def _all_sent(self, delivery: Delivery, time_left_ms: TimeLeft) -> bool:
        """Whether nothing is due any more; False when there is, and this function has to leave it to a later one."""
        while time_left_ms() > RESERVE_MS:
            wait_ms = delivery.deliverer.step()
            if wait_ms and not delivery.due():
                return True
            if wait_ms > LONGEST_SLEEP_MS:
                return False
            self._sleep(wait_ms / 1_000)
        return False
