"""What accepting a webhook costs, beside a bare endpoint and beside the handlers people write by hand."""

import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.events import requests
from bench.figures import Figure, paired_ratio
from bench.load import CONNECTIONS, send_all
from bench.processes import Server, running
from bench.servers import PATH

MAPPED_WITHIN_S = 60


@dataclass
class Contender:
    """A server under load, with what each round cost it and what it acknowledged."""

    name: str
    server: Server
    finished: Callable[[], bool] = lambda: True
    cpu_us: list[float] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)

    def round(self, place: int, number: int) -> None:
        """Send so many webhooks, wait until all is done, and note the CPU time of one. The first round warms up."""
        webhooks = requests(PATH, f"{self.name}_{place}", number)
        before_s = self.server.cpu_s()
        statuses = send_all(self.server.port, webhooks)
        _await(self.finished)
        cost_us = (self.server.cpu_s() - before_s) / number * 1e6
        refused = {status for status in statuses.values() if status != 200}
        if refused:
            raise RuntimeError(f"{self.name} answered {refused}")
        self.acknowledged += statuses
        if place:
            self.cpu_us.append(cost_us)


def figures(rounds: int, number: int) -> list[Figure]:
    """Measure all next to each other, `number` webhooks each in each round."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        contenders = _contenders(stack, folder)
        floor, accept, whole, by_hand = contenders
        for place in range(rounds + 1):
            for contender in (floor, accept, whole):
                contender.round(place, number)
            by_hand.round(place, number // 5)  # it takes longest and varies least
        _check_disk(folder / "accept.sqlite", accept.acknowledged)
    for contender in contenders:
        print(f"{contender.name}: {statistics.median(contender.cpu_us):.0f} µs of CPU a webhook")
    print(f"all {len(accept.acknowledged)} acknowledged webhooks are on disk; {CONNECTIONS} connections")
    print(f"accept and map, to a bare endpoint: {paired_ratio(whole.cpu_us, floor.cpu_us):.2f}")
    return [
        Figure("accept to a bare endpoint", paired_ratio(accept.cpu_us, floor.cpu_us), 3.0),
        Figure("accept to a handler written by hand", paired_ratio(accept.cpu_us, by_hand.cpu_us), 0.143),
    ]


def _contenders(stack: ExitStack, folder: Path) -> list[Contender]:
    log = stack.enter_context((folder / "log").open("wb"))
    flokit = stack.enter_context(running("destination", log=log))
    whole_path = folder / "whole.sqlite"
    return [
        Contender("floor", stack.enter_context(running("floor", log=log))),
        Contender("accept", stack.enter_context(running("accept", f"sqlite:///{folder}/accept.sqlite", log=log))),
        Contender(
            "whole",
            stack.enter_context(running("whole", f"sqlite:///{whole_path}", log=log)),
            lambda: _mapped(whole_path),
        ),
        Contender("by_hand", stack.enter_context(running("before", flokit.url, log=log))),
    ]


def _await(finished: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + MAPPED_WITHIN_S
    while not finished():
        if time.monotonic() > give_up_at:
            raise RuntimeError("mapping did not end")
        time.sleep(0.02)


def _mapped(path: Path) -> bool:
    with _reading(path) as db:
        return db.execute("SELECT 1 FROM notifications WHERE outcome IS NULL LIMIT 1").fetchone() is None


def _check_disk(path: Path, acknowledged: Collection[str]) -> None:
    with _reading(path) as db:
        on_disk = {event_id for (event_id,) in db.execute("SELECT id FROM notifications JOIN bodies USING (seq)")}
    lost = set(acknowledged) - on_disk
    if lost:
        raise RuntimeError(f"{len(lost)} acknowledged webhooks are not on disk")


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    db = sqlite3.connect(path)
    try:
        yield db
    finally:
        db.close()
