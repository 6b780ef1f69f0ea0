"""Several processes on one SQLite file, and processes killed in the middle of it: real ones, by signal 9."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from ledger_contract import LIVE, NOW_MS, enter, event, notification
from sqlite_counts import assert_counts_are_true

from bridge.errors import LedgerError
from bridge.ledger.schema import MIGRATIONS
from bridge.ledger.sqlite import SqliteLedger

PROLOGUE = """
import sys
from itertools import count
from pathlib import Path
from bridge.ledger.base import Conflict, MemoryChange, SentMark, Settlement
from bridge.ledger.schema import MIGRATIONS
from bridge.ledger.sqlite import SqliteLedger
from bridge.values.records import Environment, Event, Finding, Notification, Outcome

LIVE = Environment.PRODUCTION
path, name = Path(sys.argv[1]), sys.argv[2]

def notification(id_):
    return Notification("stripe", id_, "invoice.paid", LIVE, 1, 1, bytes(3000))

def event(id_):
    return Finding(Outcome.MAPPED, events=[Event("renewal_completed", "key-" + id_, LIVE, 1, b"{}")])

def settle(ledger, pending):
    events = [Settlement(one.seq, [event(one.notification.id)]) for one in pending]
    known = ledger.recall("counter")
    counted = {"n": known.document.get("n", 0) + len(events)}
    ledger.settle(events, {"counter": MemoryChange(counted, known.version)}, 1)
"""

KEEP = """
ledger = SqliteLedger.open(path)
for number in count():
    ids = [f"{name}-{number}-{place}" for place in range(4)]
    ledger.keep([notification(id_) for id_ in ids])
    print(*ids, flush=True)
"""

WORK = """
ledger = SqliteLedger.open(path)
for number in count():
    ledger.keep([notification(f"{name}-{number}")])
    settle(ledger, ledger.pending("stripe", 1, 10))
    print("settled", number, flush=True)
    ready = ledger.ready(LIVE, 1, 10)
    ledger.mark([SentMark(one.seq) for one in ready], [], [], 1)
    print("sent", *[one.key for one in ready], flush=True)
"""

SHARE = """
ledger = SqliteLedger.open(path)
new = sum(ledger.keep([notification(f"evt_{number}")])[0] for number in range(100))
while pending := ledger.pending("stripe", 1, 7):
    try:
        settle(ledger, pending)
    except Conflict:
        pass
print(new, flush=True)
"""

MIGRATE = """
endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
SqliteLedger.open(path, migrations=[*MIGRATIONS, ("CREATE TABLE half_done (a)", endless)])
"""

OPEN_AT_ONCE = """
print("imported", flush=True)
sys.stdin.readline()
ledger = SqliteLedger.open(path)
print(ledger.keep([notification(name)]), flush=True)
"""

LOCK = """
lock = SqliteLedger.open(path).worker_lock()
print(lock is not None, flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@contextmanager
def child(program: str, path: Path, name: str = "child") -> Iterator[subprocess.Popen[str]]:
    """A process that runs the program on the ledger; killed when the block ends."""
    command = [sys.executable, "-c", PROLOGUE + program, str(path), name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def opened(path: Path) -> Iterator[SqliteLedger]:
    ledger = SqliteLedger.open(path)
    try:
        yield ledger
    finally:
        ledger.close()


def lines_until_killed(process: subprocess.Popen[str], after: int) -> list[list[str]]:
    """The complete lines, as words, that the process printed; it is killed after so many, wherever it is then."""
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(after)]
    process.kill()
    lines += process.stdout.readlines()
    return [line.split() for line in lines if line.endswith("\n")]


def one_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_no_acknowledged_notification_is_lost_when_the_process_is_killed(path: Path) -> None:
    acknowledged: set[str] = set()
    for life in range(20):
        with child(KEEP, path, f"life{life}") as process:
            for ids in lines_until_killed(process, after=life * 3 % 17 + 1):
                acknowledged.update(ids)
    with opened(path) as ledger:
        found = ledger.pending("stripe", NOW_MS, 1_000_000)
    assert acknowledged <= {pending.notification.id for pending in found}
    assert {len(pending.notification.body) for pending in found} == {3000}
    assert len(found) % 4 == 0  # each list is there as a whole or not at all


def test_settling_is_all_or_nothing_when_the_process_is_killed(path: Path) -> None:
    sent: set[str] = set()
    for life in range(6):
        with child(WORK, path, f"life{life}") as process:
            for word, *keys in lines_until_killed(process, after=life * 7 % 11 + 3):
                sent.update(keys if word == "sent" else [])
    with opened(path) as ledger:
        settled = [kept for seq in ledger.find() if (kept := ledger.kept(seq)) and kept.outcome]
        assert ledger.recall("counter").document["n"] == len(settled)
        events = [entered for kept in settled for entered in kept.events]
    assert [entered.key for entered in events] == [f"key-{kept.pending.notification.id}" for kept in settled]
    assert sent <= {entered.key for entered in events if entered.state == "sent"}
    assert_counts_are_true(path)


def test_two_processes_share_one_file(path: Path) -> None:
    with child(SHARE, path) as first, child(SHARE, path) as second:
        new = int(one_line(first)) + int(one_line(second))
    with opened(path) as ledger:
        assert new == 100
        assert len(ledger.events(1000)) == 100
        assert ledger.status(NOW_MS).sources[0].by_outcome == {"mapped": 100}


def test_many_processes_may_create_the_file_at_once(path: Path) -> None:
    with child(OPEN_AT_ONCE, path, "a") as a, child(OPEN_AT_ONCE, path, "b") as b, child(OPEN_AT_ONCE, path, "c") as c:
        processes = (a, b, c)
        assert [one_line(process) for process in processes] == ["imported"] * 3
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        assert [one_line(process) for process in processes] == ["[True]"] * 3


def test_one_process_at_a_time_works_and_death_frees_its_lock(path: Path) -> None:
    with opened(path) as ledger:
        with child(LOCK, path) as process:
            assert one_line(process) == "True"
            assert ledger.worker_lock() is None
        lock = ledger.worker_lock()
        assert lock is not None
        with lock:
            assert ledger.worker_lock() is None
        second = ledger.worker_lock()
        assert second is not None
        second.release()
        second.release()  # once more does no harm


def test_an_older_file_is_migrated_with_all_it_holds(path: Path) -> None:
    with opened(path) as old:
        enter(old, event("in_1"))
    added = "ALTER TABLE events ADD COLUMN campaign TEXT NOT NULL DEFAULT 'none'"
    migrated = SqliteLedger.open(path, migrations=[*MIGRATIONS, (added,)])
    assert [entered.key for entered in migrated.ready(LIVE, NOW_MS, 10)] == ["in_1"]
    migrated.close()
    assert column(path, "SELECT campaign FROM events") == ["none"]
    with pytest.raises(LedgerError, match="upgrade the program"):
        SqliteLedger.open(path)


def test_a_migration_that_fails_leaves_the_old_version(path: Path) -> None:
    with opened(path) as old:
        old.keep([notification("evt_1")])
    broken = ("CREATE TABLE half_done (a)", "ALTER TABLE missing ADD COLUMN a")
    with pytest.raises(LedgerError, match="no such table"):
        SqliteLedger.open(path, migrations=[*MIGRATIONS, broken])
    assert_unchanged(path)


def test_a_migration_that_is_killed_leaves_the_old_version(path: Path) -> None:
    with opened(path) as old:
        old.keep([notification("evt_1")])
    with child(MIGRATE, path) as process:
        wait_until_locked(path)
        assert process.poll() is None
    assert_unchanged(path)


def assert_unchanged(path: Path) -> None:
    assert column(path, "PRAGMA user_version") == [len(MIGRATIONS)]
    assert column(path, "SELECT name FROM sqlite_schema WHERE name = 'half_done'") == []
    with opened(path) as ledger:
        assert ledger.keep([notification("evt_1"), notification("evt_2")]) == [False, True]


def column(path: Path, sql: str) -> list[object]:
    db = sqlite3.connect(path)
    rows = db.execute(sql).fetchall()
    db.close()
    return [row[0] for row in rows]


def wait_until_locked(path: Path) -> None:
    """Return once another process is inside a writing transaction."""
    db = sqlite3.connect(path, timeout=0, isolation_level=None)
    with suppress(sqlite3.OperationalError):
        while True:
            db.execute("BEGIN IMMEDIATE")
            db.execute("ROLLBACK")
    db.close()
