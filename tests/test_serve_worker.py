"""The worker outlives whatever a step raises, waits for its lock, and drains at a stop."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from bridge.errors import LedgerError
from bridge.worker import Worker


class Pipeline:
    """Has so much to do; may raise at first."""

    def __init__(self, todo: int, faults: int = 0) -> None:
        self.todo = todo
        self.faults = faults
        self.done = threading.Event()

    def step(self, limit: int = 32) -> int:  # noqa: ARG002 - as Maps
        if self.faults:
            self.faults -= 1
            raise ZeroDivisionError("a secret")
        if not self.todo:
            self.done.set()
            return 0
        self.todo -= 1
        return 1

    def next_due_ms(self) -> int | None:
        return None


class Deliverer:
    """Counts its steps."""

    def __init__(self) -> None:
        self.stepped = threading.Event()

    def step(self) -> int:
        self.stepped.set()
        return 60_000


def test_it_maps_and_delivers_until_it_is_stopped() -> None:
    pipelines, deliverer = [Pipeline(3), Pipeline(5)], Deliverer()
    worker = Worker(pipelines, [deliverer], lambda *_a, **_k: None)
    worker.start()
    assert all(pipeline.done.wait(10) for pipeline in pipelines)
    assert deliverer.stepped.wait(10)
    deliverer.stepped.clear()
    pipelines[0].done.clear()
    pipelines[0].todo = 2
    worker.wake()
    assert pipelines[0].done.wait(10)
    assert deliverer.stepped.wait(10)  # mapping wakes delivery from its long sleep
    worker.stop()
    assert threading.active_count() == 1


def test_it_survives_a_fault_and_tells_its_type_alone() -> None:
    lines: list[dict[str, object]] = []
    pipeline = Pipeline(1, faults=1)
    worker = Worker([pipeline], [], lambda event, /, **fields: lines.append({"event": event, **fields}))
    worker.start()
    assert pipeline.done.wait(10)
    worker.stop()
    assert [line["fault"] for line in lines] == ["ZeroDivisionError"]
    assert "secret" not in str(lines)


def test_a_stop_maps_what_is_left_and_a_fault_does_not_hold_it_up() -> None:
    for pipeline in (Pipeline(0), Pipeline(0, faults=10**9)):
        worker = Worker([pipeline], [], lambda *_a, **_k: None)
        worker.start()
        pipeline.todo = 100
        worker.stop()
        assert pipeline.todo == 0 or pipeline.faults


def test_without_the_lock_it_does_nothing_and_takes_over_when_it_is_free() -> None:
    pipeline, tries = Pipeline(1), threading.Semaphore(0)
    answers: list[Callable[[], AbstractContextManager[object] | None]] = [lambda: None, _out_of_order, nullcontext]

    def take_lock() -> AbstractContextManager[object] | None:
        tries.release()
        return answers.pop(0)()

    lines: list[str] = []
    worker = Worker([pipeline], [], lambda event, /, **_: lines.append(event), take_lock=take_lock)
    worker.start()
    assert tries.acquire(timeout=10)
    assert not pipeline.done.is_set()
    assert pipeline.done.wait(10)
    worker.stop()
    assert lines == ["worker_waits", "worker_lock_failed"]


def test_a_stop_need_not_wait_for_the_lock() -> None:
    worker = Worker([Pipeline(1)], [], lambda *_a, **_k: None, take_lock=lambda: None)
    worker.start()
    worker.stop()
    assert threading.active_count() == 1


def _out_of_order() -> AbstractContextManager[object] | None:
    raise LedgerError("the lock file cannot be opened")
