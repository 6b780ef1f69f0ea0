"""What happens after the answer: one thread for each source maps kept notifications, one
for each environment delivers events.

Of several processes on one ledger only the one that holds the ledger's worker lock does this; the others wait for it.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Protocol

from bridge.errors import LedgerError
from bridge.log import Log, fault_place
from bridge.values.times import Clock, system_clock

IDLE_S = 1.0  # another process may have kept something: look at least this often
SHORTEST_SLEEP_S = 0.05
LOCK_RETRY_S = 1.0
FIRST_BACK_OFF_S = 1.0
LAST_BACK_OFF_S = 60.0
DRAIN_S = 10.0  # how long a stop goes on mapping what was taken in

TakeLock = Callable[[], AbstractContextManager[object] | None]


class Maps(Protocol):
    """Maps one source's kept notifications (bridge.pipeline)."""

    def step(self, limit: int = 32) -> int:
        """Map some of what is due; gives how many were settled, 0 when nothing is left to do now."""

    def next_due_ms(self) -> int | None:
        """When the next one that waits becomes due; None when nothing is pending."""


class Delivers(Protocol):
    """Delivers events of one environment (bridge.delivery), or keeps house (bridge.housekeeping)."""

    def step(self) -> int:
        """Do one piece of work; gives how many milliseconds to wait before the next, 0 when there is more."""


class Repeater:
    """A thread that takes step after step, sleeps as long as a step says, and survives whatever a step raises."""

    def __init__(self, name: str, step: Callable[[], float], log: Log) -> None:
        """`step` gives how many seconds to sleep before the next one."""
        self._step = step
        self._log = log
        self._wakened = threading.Event()
        self._stopping = threading.Event()
        self._back_off_s = FIRST_BACK_OFF_S
        self._thread = threading.Thread(target=self._run, name=name)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """There is something to do: do not sleep on."""
        self._wakened.set()

    def stop(self) -> None:
        """Finish the step in hand and end. Returns when the thread has ended."""
        self._stopping.set()
        self._wakened.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wakened.clear()
            sleep_s = self._survived()
            if sleep_s > 0 and not self._stopping.is_set():
                self._wakened.wait(sleep_s)

    def _survived(self) -> float:
        try:
            sleep_s = self._step()
        except Exception as error:  # noqa: BLE001 - the worker outlives every fault: what it works on is kept
            self._log("worker_fault", level="error", at=fault_place(error), fault=type(error).__name__)
            self._stopping.wait(self._back_off_s)
            self._back_off_s = min(self._back_off_s * 2, LAST_BACK_OFF_S)
            return 0
        self._back_off_s = FIRST_BACK_OFF_S
        return sleep_s


class Worker:
    """Maps and delivers in the background, from `start` to `stop`, while it holds the worker lock."""

    def __init__(  # noqa: PLR0913 - the parts of a worker, each by its name
        self,
        pipelines: Sequence[Maps],
        deliverers: Sequence[Delivers],
        log: Log,
        *,
        housekeeping: Delivers | None = None,
        take_lock: TakeLock = nullcontext,
        clock: Clock = system_clock,
    ) -> None:
        """One pipeline for each source, so that one that waits for look-ups does not hold up the others.

        `housekeeping` goes on beside them, with steps as delivery has them.
        `take_lock` gives the lock, or None while another process has it.
        """
        self._pipelines = pipelines
        self._log = log
        self._take_lock = take_lock
        self._clock = clock
        self._mappings = [Repeater("mapping", partial(self._map, pipeline), log) for pipeline in pipelines]
        self._deliveries = [Repeater("delivery", _seconds(deliverer), log) for deliverer in deliverers]
        self._chores = [Repeater("housekeeping", _seconds(housekeeping), log)] if housekeeping else []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="worker")

    def start(self) -> None:
        """Begin, as soon as the lock is free."""
        self._thread.start()

    def wake(self) -> None:
        """Something was kept: map it now."""
        for repeater in self._mappings:
            repeater.wake()

    def stop(self) -> None:
        """Map what was taken in (for at most 10 s), finish the delivery in flight, and end."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        lock = self._await_lock()
        if lock is None:
            return
        with lock:
            for repeater in (*self._mappings, *self._deliveries, *self._chores):
                repeater.start()
            self._stopping.wait()
            for repeater in (*self._chores, *self._mappings):
                repeater.stop()
            self._drain()
            for repeater in self._deliveries:
                repeater.stop()

    def _await_lock(self) -> AbstractContextManager[object] | None:
        """The lock, or None when the stop comes first."""
        said = False
        while not self._stopping.is_set():
            lock = self._try_lock()
            if lock is not None:
                return lock
            if not said:
                said = True
                self._log("worker_waits", message="another process maps and delivers for this ledger")
            self._stopping.wait(LOCK_RETRY_S)
        return None

    def _try_lock(self) -> AbstractContextManager[object] | None:
        try:
            return self._take_lock()
        except LedgerError as error:
            self._log("worker_lock_failed", level="error", message=str(error))
            return None

    def _map(self, pipeline: Maps) -> float:
        if pipeline.step():
            for repeater in self._deliveries:
                repeater.wake()
            return 0
        due_ms = pipeline.next_due_ms()
        if due_ms is None:
            return IDLE_S
        return min(max((due_ms - self._clock()) / 1_000, SHORTEST_SLEEP_S), IDLE_S)

    def _drain(self) -> None:
        give_up_at = time.monotonic() + DRAIN_S
        try:
            for pipeline in self._pipelines:
                while time.monotonic() < give_up_at and pipeline.step():
                    pass
        except Exception as error:  # noqa: BLE001 - what is not mapped now is mapped after the next start
            self._log("worker_fault", level="error", at=fault_place(error), fault=type(error).__name__)


def _seconds(deliverer: Delivers) -> Callable[[], float]:
    return lambda: min(deliverer.step() / 1_000, IDLE_S)
