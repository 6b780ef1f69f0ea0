"""Functions side by side on one DynamoDB ledger, and functions that die in the middle of it: real ones, by signal 9."""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from random import Random
from threading import Lock, Thread

import pytest
from dynamodb_rig import Dynamo, dynamo, table
from ledger_contract import LIVE, NOW_MS, enter, event, mapped, notification, run_together
from losing_proxy import losing_answers

from bridge.aws.leased import LeasedPipeline
from bridge.interpreters import pipelines
from bridge.ledger.base import Conflict, MemoryChange, Refusal, Remembered, SentMark, Settlement
from bridge.ledger.dynamodb import DynamoLedger
from bridge.ledger.dynamodb_budget import BURST, DynamoBudget
from bridge.ledger.dynamodb_lease import Lease
from bridge.log import LineLog
from bridge.pipeline import Pipeline
from bridge.settings import Settings
from bridge.values.records import Environment, Pending
from bridge.values.times import MINUTE_MS, system_clock

__all__ = ["dynamo", "table"]

LASTS_MS = 100_000

PROLOGUE = """
import sys
from itertools import count
from bridge.ledger.base import MemoryChange, SentMark, Settlement
from bridge.ledger.dynamodb import open_ledger
from bridge.ledger.dynamodb_lease import Lease
from bridge.values.records import Environment, Event, Finding, Notification, Outcome

LIVE = Environment.PRODUCTION
ledger, name = open_ledger("dynamodb://" + sys.argv[1]), sys.argv[2]

def notification(id_):
    return Notification("stripe", id_, "invoice.paid", LIVE, 1, 1, bytes(3000))

def event(id_):
    return Finding(Outcome.MAPPED, events=[Event("renewal_completed", "key-" + id_, LIVE, 1, b"{}")])
"""

WORK = """
for number in count():
    ledger.keep([notification(f"{name}-{number}-{place}") for place in range(2)])
    pending = ledger.pending("stripe", 1, 10)
    known = ledger.recall("counter")
    counted = {"n": known.document.get("n", 0) + len(pending)}
    settlements = [Settlement(one.seq, [event(one.notification.id)]) for one in pending]
    ledger.settle(settlements, {"counter": MemoryChange(counted, known.version)}, 1)
    print("settled", *[one.notification.id for one in pending], flush=True)
    ready = ledger.ready(LIVE, 1, 10)
    for one in ready:
        ledger.about_to_send([one.seq], 1)
        ledger.mark([SentMark(one.seq)], [], [], 1)
    print("sent", *[one.key for one in ready], flush=True)
"""

MARK_BATCH = """
seqs = ledger.batch(LIVE, 10**13, 1000).seqs
ledger.about_to_send(seqs, 1)
print(len(seqs), flush=True)
ledger.mark_batch(seqs, [], 1)
"""

HOLD = """
print(Lease(ledger.table, LIVE, lambda: int(name), lasts_ms=100_000).take() is not None, flush=True)
sys.stdin.readline()
"""


class MovableClock:
    def __init__(self) -> None:
        self.now_ms = NOW_MS

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def ledger(dynamo: Dynamo, table: str) -> Iterator[DynamoLedger]:
    with dynamo.opened(table) as ledger:
        yield ledger


@contextmanager
def child(program: str, dynamo: Dynamo, table: str, name: str) -> Iterator[subprocess.Popen[str]]:
    """A process that runs the program on the ledger; killed when the block ends."""
    command = [sys.executable, "-c", PROLOGUE + program, table, name]
    environment = {**os.environ, **dynamo.environment}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def one_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


# Mapping side by side


def map_all(ledger: DynamoLedger, name: str, log: list[str]) -> None:
    """Map all that is pending as a function does: in bites, one by one after a conflict, until nothing is left."""
    while found := ledger.pending("stripe", NOW_MS, 5):
        for bite in (found, *([one] for one in found)):
            try:
                settle(ledger, name, bite)
            except Conflict:
                continue
            log.append(name)
            if bite is found:
                break


def settle(ledger: DynamoLedger, name: str, found: list[Pending]) -> None:
    """Each mapper would enter events of its own, so that a notification mapped twice shows."""
    settlements = [Settlement(one.seq, [mapped(event(f"{one.seq}-{name}"))]) for one in found]
    ledger.settle(settlements, {}, NOW_MS)


def test_a_notification_is_mapped_by_one_of_many_functions(dynamo: Dynamo, table: str, ledger: DynamoLedger) -> None:
    ledger.keep([notification(f"evt_{number}") for number in range(40)])
    log: list[str] = []
    with dynamo.opened(table) as second, dynamo.opened(table) as third:
        threads = [Thread(target=map_all, args=(one, f"f{n}", log)) for n, one in enumerate((ledger, second, third))]
        run_together(threads)
    entered = Counter(one.key.partition("-")[0] for one in ledger.ready(LIVE, NOW_MS, 1_000))
    assert (len(entered), set(entered.values())) == (40, {1})
    assert ledger.status(NOW_MS).sources[0].by_outcome == {"mapped": 40}
    assert set(log) >= {"f0"} or len(set(log)) > 1


def test_a_memory_is_never_written_over(dynamo: Dynamo, table: str, ledger: DynamoLedger) -> None:
    def count(ledger: DynamoLedger) -> None:
        counted = 0
        while counted < 10:
            known = ledger.recall("stripe:counter")
            change = MemoryChange({"n": known.document.get("n", 0) + 1}, known.version)
            with suppress(Conflict):
                ledger.settle([], {"stripe:counter": change}, NOW_MS)
                counted += 1

    with dynamo.opened(table) as second:
        run_together([Thread(target=count, args=(one,)) for one in (ledger, second, ledger)])
    assert ledger.recall("stripe:counter") == Remembered({"n": 30}, 30)


def test_a_notification_is_new_to_one_of_many_functions(dynamo: Dynamo, table: str, ledger: DynamoLedger) -> None:
    answers: list[bool] = []

    def keep_all(ledger: DynamoLedger, seed: int) -> None:
        ids = Random(seed).sample(range(30), 30)
        for start in range(0, 30, 6):
            answers.extend(ledger.keep([notification(f"evt_{number}") for number in ids[start : start + 6]]))

    with dynamo.opened(table) as second:
        run_together([Thread(target=keep_all, args=(one, seed)) for seed, one in enumerate((ledger, second, ledger))])
    assert sorted(answers) == [False] * 60 + [True] * 30
    assert len(ledger.pending("stripe", NOW_MS, 100)) == 30


def test_two_functions_enter_a_key_once(dynamo: Dynamo, table: str, ledger: DynamoLedger) -> None:
    ledger.keep([notification(f"evt_{number}") for number in range(8)])
    found = ledger.pending("stripe", NOW_MS, 8)
    conflicts: list[int] = []

    def settle_one(one: Pending) -> None:
        settlement = Settlement(one.seq, [mapped(event("in_1", body=one.notification.id.encode(), revenue="1"))])
        for _ in range(20):
            try:
                return ledger.settle([settlement], {}, NOW_MS)
            except Conflict:
                conflicts.append(one.seq)
        raise AssertionError("never settled")

    run_together([Thread(target=settle_one, args=(one,)) for one in found])
    assert len(ledger.ready(LIVE, NOW_MS, 10)) == 1
    status = ledger.status(NOW_MS)
    assert (status.events, status.totals[LIVE.value, "EUR"]["kept"]) == ({(LIVE.value, "ready"): 1}, 1)


@pytest.mark.parametrize("one_of", [2, 3, 5])
def test_what_was_done_while_the_answer_was_lost_counts_once(dynamo: Dynamo, table: str, one_of: int) -> None:
    with losing_answers(dynamo.environment["AWS_ENDPOINT_URL"], one_of=one_of) as url:
        lossy = Dynamo({**dynamo.environment, "AWS_ENDPOINT_URL": url})
        with lossy.opened(table) as ledger:
            assert ledger.keep([notification(f"evt_{number}") for number in range(9)]) == [True] * 9
            for one in ledger.pending("stripe", NOW_MS, 10):
                ledger.settle([Settlement(one.seq, [mapped(event(f"in_{one.seq}", revenue="0.10"))])], {}, NOW_MS)
            sent, refused = ledger.ready(LIVE, NOW_MS, 2)
            ledger.about_to_send([sent.seq], NOW_MS)
            ledger.mark([SentMark(sent.seq)], [Refusal(refused.seq, 422, "no")], [], NOW_MS)
            batch = ledger.batch(LIVE, NOW_MS, 10)
            ledger.about_to_send(batch.seqs, NOW_MS)
            ledger.mark_batch(batch.seqs, [], NOW_MS)
            assert Lease(ledger.table, "map", lambda: NOW_MS, lasts_ms=LASTS_MS).take() is not None
    with dynamo.opened(table) as ledger:
        status = ledger.status(NOW_MS)
        assert status.sources[0].by_outcome == {"mapped": 9}
        assert status.events == {(LIVE.value, "sent"): 8, (LIVE.value, "dead"): 1}
        assert status.totals[LIVE.value, "EUR"]["kept"] == Decimal("0.90")


# Budget


@pytest.mark.parametrize("limit", [1, 2, 5, 6, 90])
def test_no_minute_ever_has_more_requests_than_allowed(ledger: DynamoLedger, limit: int) -> None:
    clock, random = MovableClock(), Random(limit)
    budgets = [DynamoBudget(ledger.table, LIVE, limit, clock) for _ in range(3)]
    began_ms = clock.now_ms
    left_ms: list[int] = []
    while len(left_ms) < 3 * limit:
        budget = random.choice(budgets)
        if budget.take():
            left_ms.append(clock.now_ms)
        else:
            assert budget.wait_ms() > 0
            clock.now_ms += random.choice([budget.wait_ms(), 1 + budget.wait_ms() // 2])
    for start_ms in left_ms:
        assert sum(start_ms <= at_ms < start_ms + MINUTE_MS for at_ms in left_ms) <= limit
    assert clock.now_ms - began_ms <= 3 * (MINUTE_MS + MINUTE_MS // limit) + 3_000  # and not much fewer


def test_functions_side_by_side_share_one_budget(dynamo: Dynamo, table: str, ledger: DynamoLedger) -> None:
    taken, lock = [0], Lock()

    def take_all() -> None:
        budget = DynamoBudget(ledger.table, LIVE, 90, lambda: NOW_MS)
        for _ in range(20):
            if budget.take():
                with lock:
                    taken[0] += 1

    run_together([Thread(target=take_all) for _ in range(4)])
    assert taken[0] == BURST
    assert DynamoBudget(ledger.table, Environment.SANDBOX, 90, lambda: NOW_MS).take()


def test_clocks_that_are_a_little_apart_do_not_add_up(ledger: DynamoLedger) -> None:
    behind = DynamoBudget(ledger.table, LIVE, 90, lambda: NOW_MS)
    ahead = DynamoBudget(ledger.table, LIVE, 90, lambda: NOW_MS + 300)
    assert sum(budget.take() for _ in range(10) for budget in (ahead, behind)) == BURST


def test_a_clock_that_was_far_ahead_does_not_silence_delivery(ledger: DynamoLedger) -> None:
    wrong, clock = DynamoBudget(ledger.table, LIVE, 90, lambda: NOW_MS + 10 * MINUTE_MS), MovableClock()
    assert wrong.take()
    budget = DynamoBudget(ledger.table, LIVE, 90, clock)
    assert budget.take()
    assert budget.take()


# Lease


def test_one_function_at_a_time_delivers_and_the_lease_of_a_dead_one_ends(
    dynamo: Dynamo, table: str, ledger: DynamoLedger
) -> None:
    clock = MovableClock()
    lease = Lease(ledger.table, LIVE, clock, lasts_ms=LASTS_MS)
    with child(HOLD, dynamo, table, str(NOW_MS)) as process:
        assert one_line(process) == "True"
        assert lease.take() is None
    assert process.returncode == -9
    clock.now_ms += LASTS_MS - 1
    assert lease.take() is None
    clock.now_ms += 1
    held = lease.take()
    assert held is not None
    assert Lease(ledger.table, Environment.SANDBOX, clock, lasts_ms=LASTS_MS).take() is not None


def test_one_function_at_a_time_maps_for_a_source(dynamo: Dynamo, table: str, ledger: DynamoLedger) -> None:
    leases = {name: Lease(ledger.table, name, system_clock, lasts_ms=LASTS_MS) for name in ("stripe", "apple")}
    steps = []
    for maps in pipelines(Settings())(ledger, system_clock, LineLog(list)):
        assert isinstance(maps, Pipeline)
        if maps.name in leases:
            steps.append(LeasedPipeline(maps, leases[maps.name].take, system_clock).step)
    ledger.keep([notification("1", source="apple"), notification("2"), notification("3")])
    held = leases["apple"].take()
    assert held is not None
    assert sorted(step(1) for step in steps) == [0, 1]
    with held:
        pass
    assert sorted(step(2) for step in steps) == [1, 1]
    assert [step() for step in steps] == [0, 0]
    assert {one.source: one.by_outcome[None] for one in ledger.status(NOW_MS).sources if None in one.by_outcome} == {}
    assert all(lease.take() for lease in leases.values())


def test_who_lost_the_lease_cannot_give_it_back(ledger: DynamoLedger) -> None:
    clock = MovableClock()
    lease = Lease(ledger.table, LIVE, clock, lasts_ms=LASTS_MS)
    first = lease.take()
    clock.now_ms += LASTS_MS
    second = lease.take()
    assert first is not None
    assert second is not None
    first.release()
    assert lease.take() is None
    with second:
        pass
    assert lease.take() is not None


# Death


def test_nothing_acknowledged_is_lost_or_doubled_when_functions_are_killed(
    dynamo: Dynamo, table: str, ledger: DynamoLedger
) -> None:
    settled: set[str] = set()
    sent: list[str] = []
    for life in range(5):
        with child(WORK, dynamo, table, f"life{life}") as process:
            for line in lines_until_killed(process, after=life * 3 % 7 + 2, delay_s=life * 0.003):
                word, *names = line.split()
                (sent if word == "sent" else []).extend(names)
                settled.update(names if word == "settled" else [])
    found = [kept for seq in ledger.find() if (kept := ledger.kept(seq))]
    mapped_ids = [kept.pending.notification.id for kept in found if kept.outcome]
    assert settled <= set(mapped_ids)
    assert ledger.recall("counter").document["n"] == len(mapped_ids)
    events = [one for kept in found for one in kept.events]
    assert sorted(one.key for one in events) == sorted(f"key-{id_}" for id_ in mapped_ids)
    assert set(sent) <= {one.key for one in events if one.state == "sent"}
    assert len(sent) == len(set(sent))
    assert ledger.status(1).events == Counter((LIVE.value, one.state) for one in events)


def lines_until_killed(process: subprocess.Popen[str], after: int, delay_s: float) -> list[str]:
    """The complete lines that the process printed until it is killed, a moment after so many of them."""
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(after)]
    time.sleep(delay_s)
    process.kill()
    return [line for line in (*lines, *process.stdout.readlines()) if line.endswith("\n")]


@pytest.mark.parametrize("delay_s", [0, 0.01, 0.03, 0.1])
def test_a_batch_is_marked_as_a_whole_or_not_at_all(
    dynamo: Dynamo, table: str, ledger: DynamoLedger, delay_s: float
) -> None:
    enter(ledger, *(event(f"in_{number}") for number in range(150)))
    with child(MARK_BATCH, dynamo, table, "") as process:
        assert one_line(process) == "150"
        time.sleep(delay_s)
        process.kill()
        process.wait()
    left = ledger.ready(LIVE, NOW_MS, 1_000)
    assert len(left) in (0, 150)
    assert all(one.in_doubt for one in left)
    assert ledger.status(NOW_MS).events == {(LIVE.value, "ready" if left else "sent"): 150}
