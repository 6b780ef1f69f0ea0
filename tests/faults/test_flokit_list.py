"""All that FloKit may answer, through the running bridge, by a clock that is moved by hand: what the ledger holds, what
the log says, when it is tried again, and that webhooks are acknowledged all the while.

What each answer means to one request and to batches stands in test_delivery_*.py.
"""

import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from chaos.clock import SharedClock
from commands_rig import eventually, keys

from bridge.standins.flokit import PRODUCTION_KEY, FlokitStandin
from bridge.standins.server import running
from bridge.standins.troubles import Answer, CutOff, Hang, Slow, Trouble
from bridge.values.times import DAY_MS, EPOCH, MINUTE_MS, SECOND_MS

from .rig import CREATED_S, LONG, HeardHome, entered, patient_standin, post, settings

NOW_MS = CREATED_S * SECOND_MS
NONE = (0, 0)
SOON = (800, 1_200)  # the first pause, 20 % more or less
A_QUARTER = (15 * MINUTE_MS, 15 * MINUTE_MS)  # only a person can help

SENT, DEAD, AGAIN, STOPPED = "sent", "dead", "try_again", "stopped"
STATE = {SENT: "sent", DEAD: "dead", AGAIN: "ready", STOPPED: "ready"}


class World:
    """A running bridge and a running FloKit that share a clock."""

    def __init__(self, home: HeardHome, standin: FlokitStandin, clock: SharedClock) -> None:
        self.home = home
        self.standin = standin
        self.clock = clock

    def tell(self, name: str) -> None:
        """A webhook comes, and has to be acknowledged whatever FloKit does. It wakes delivery."""
        assert post(self.home, name, at_s=self.clock() // SECOND_MS) == 200

    def tell_in_vain(self, name: str) -> None:
        """A webhook comes, and one more request to FloKit fails."""
        tries = len(self.home.said("delivery"))
        self.tell(name)
        eventually(lambda: len(self.home.said("delivery")) > tries)

    def deliveries(self, name: str) -> list[dict[str, object]]:
        """What the log says of the requests with this sale's event."""
        return [line for line in self.home.said("delivery") if line["key"] == f"in_{name}"]

    def is_mapped(self, name: str) -> bool:
        """Whether the sale's event is entered."""
        return any(line["notification"] == f"evt_{name}" for line in self.home.said("mapping"))

    def states(self, *names: str) -> list[str]:
        """How the sales' events stand in the ledger."""
        found = entered(self.home)
        return [found[name].state if name in found else "" for name in names]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    clock = SharedClock.create(folder / "clock", NOW_MS)
    standin = patient_standin(clock)
    with running(standin.app) as url:
        home = HeardHome(folder, settings(url), clock)
        with home.running():
            yield World(home, standin, clock)
    assert PRODUCTION_KEY not in home.log_file.read_text()


@dataclass(frozen=True)
class Row:
    """One way in which FloKit answers, and what has to come of it.

    `pause_ms` is the shortest and the longest time after which it is tried again.
    """

    name: str
    trouble: Trouble | Callable[[int], Trouble]
    outcome: str
    status: int
    pause_ms: tuple[int, int] = NONE
    in_doubt: bool = False

    def trouble_at(self, now_ms: int) -> Trouble:
        """The trouble, where it tells of a time."""
        return self.trouble(now_ms) if callable(self.trouble) else self.trouble


def rate_limited(retry_after: str) -> Answer:
    return Answer(429, {"Retry-After": retry_after})


def until(now_ms: int) -> Answer:
    """In a minute and a half, as a date."""
    return rate_limited(format_datetime(EPOCH + timedelta(milliseconds=now_ms + 90_000), usegmt=True))


NOT_VALID = b'{"error":"validation_error","message":"user_id is missing"}'

ROWS = [
    Row("slow", Slow(0.3), SENT, 200),
    Row("closed-midway-not-taken", CutOff(), AGAIN, 0, SOON, in_doubt=True),
    Row("closed-midway-taken", CutOff(stores=True), AGAIN, 0, SOON, in_doubt=True),
    *(Row(f"{status}", Answer(status, body=NOT_VALID), DEAD, status) for status in (400, 413, 422)),
    *(Row(f"{status}", Answer(status), STOPPED, status, A_QUARTER) for status in (401, 403, 404)),
    *(
        Row(f"redirect-{status}", Answer(status, {"Location": "/v1/events"}), STOPPED, status, A_QUARTER)
        for status in (301, 302, 307, 308)
    ),
    Row("408", Answer(408), AGAIN, 408, SOON, in_doubt=True),
    Row("429-seconds", rate_limited("120"), AGAIN, 429, (120_000, 120_000)),
    Row("429-date", until, AGAIN, 429, (89_000, 90_000)),
    Row("429-bare", Answer(429), AGAIN, 429, SOON),
    Row("429-garbled", rate_limited("soon"), AGAIN, 429, SOON),
    *(Row(f"{status}", Answer(status), AGAIN, status, SOON, in_doubt=True) for status in (500, 501, 502, 503, 504)),
    Row("503-seconds", Answer(503, {"Retry-After": "60"}), AGAIN, 503, (60_000, 60_000), in_doubt=True),
    Row("garbage-200-taken", Answer(200, body=b"<html>", stores=True), AGAIN, 200, SOON, in_doubt=True),
    Row("empty-200-not-taken", Answer(200), AGAIN, 200, SOON, in_doubt=True),
]
if LONG:
    ROWS.append(Row("hanging", Hang(stores=True), AGAIN, 0, SOON, in_doubt=True))  # takes the client's 30 s


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_each_answer_has_its_outcome_and_webhooks_are_taken_meanwhile(world: World, row: Row) -> None:
    name, meanwhile, later = row.name, f"{row.name}-meanwhile", f"{row.name}-later"
    world.standin.troubles.append(row.trouble_at(world.clock()))
    world.tell(name)
    eventually(lambda: world.deliveries(name), within_s=60)
    said, first = world.deliveries(name)[0], entered(world.home)[name]
    assert (said["outcome"], said["status"], said.get("in_doubt", False)) == (row.outcome, row.status, row.in_doubt)
    assert (first.state, first.attempts) == (STATE[row.outcome], 1)
    assert first.last_status == (None if row.outcome == SENT else row.status)

    shortest_ms, longest_ms = row.pause_ms
    if row.outcome == AGAIN:
        assert first.due_at_ms - world.clock() >= shortest_ms
    world.clock.advance(max(shortest_ms - 1, 0))
    world.tell(meanwhile)
    eventually(lambda: world.is_mapped(meanwhile))
    world.clock.advance(longest_ms - max(shortest_ms - 1, 0) + 200)  # the event's own delay varies by 20 %, too
    world.tell(later)
    end = ["dead" if row.outcome == DEAD else "sent", "sent", "sent"]
    eventually(lambda: world.states(name, meanwhile, later) == end)

    arrived_ms = [request.at_ms for request in world.standin.requests if row.name in request.key]
    assert arrived_ms[1] - arrived_ms[0] >= shortest_ms
    assert keys(world.standin).count(f"in_{name}") == (0 if row.outcome == DEAD else 1)


def test_of_a_batch_the_rejected_are_dead_with_the_reason_and_the_others_sent(tmp_path: Path) -> None:
    clock = SharedClock.create(tmp_path / "clock", NOW_MS)
    standin = patient_standin(clock)
    standin.refuse = lambda event: "no such plan" if event["properties"]["transaction_id"] == "in_4" else ""
    with running(standin.app) as url:
        home = HeardHome(tmp_path, settings(url, FLOKIT_REQUESTS_PER_MINUTE="2"), clock)
        world = World(home, standin, clock)
        with home.running():
            standin.troubles.append(rate_limited("60"))
            world.tell("0")
            eventually(lambda: world.deliveries("0"))
            for number in range(1, 8):
                world.tell(str(number))
            eventually(lambda: all(world.is_mapped(str(number)) for number in range(1, 8)))
            clock.advance(MINUTE_MS)
            eventually(lambda: "ready" not in world.states(*map(str, range(8))))
    assert [request.path for request in standin.requests].count("/v1/batch/events") == 1
    assert sorted(event.document["properties"]["transaction_id"] for event in standin.stored) == [
        f"in_{number}" for number in range(8) if number != 4
    ]
    dead = entered(home)["4"]
    assert (dead.state, dead.last_status, dead.last_reason) == ("dead", 200, "no such plan")


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port: int = listener.getsockname()[1]
        return port


def test_flokit_is_down_for_days_and_then_everything_arrives_once(tmp_path: Path) -> None:
    clock, port = SharedClock.create(tmp_path / "clock", NOW_MS), free_port()
    home = HeardHome(tmp_path, settings(f"http://127.0.0.1:{port}"), clock)
    standin = patient_standin(clock)
    world, days = World(home, standin, clock), [f"day-{day}" for day in range(5)]
    with home.running():
        for day in days:
            world.tell_in_vain(day)
            clock.advance(DAY_MS)
        assert world.states(*days) == ["ready"] * 5
        with running(standin.app, port):
            world.tell("back")
            eventually(lambda: world.states(*days, "back") == ["sent"] * 6)
    assert {(line["outcome"], line["status"]) for line in home.said("delivery")} == {(AGAIN, 0), (SENT, 200)}
    assert sorted(keys(standin)) == sorted(f"in_{name}" for name in [*days, "back"])
