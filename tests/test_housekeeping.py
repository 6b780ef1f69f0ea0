"""Old bodies go and the file gets smaller, while webhooks are kept; nothing but bodies is lost."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event, Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_contract import LIVE, NOW_MS, event, mapped, notification, ready, run_together

from bridge.housekeeping import PAUSE_MS, Housekeeping
from bridge.ledger.base import SentMark, Settlement
from bridge.ledger.sqlite import SqliteLedger
from bridge.ledger.sqlite_file import LONG_LOG_BYTES
from bridge.log import LineLog
from bridge.values.times import DAY_MS, HOUR_MS, MINUTE_MS
from bridge.worker import Worker

KEEP_DAYS = 90
LATER_MS = NOW_MS + KEEP_DAYS * DAY_MS + 1


quiet = LineLog(lambda _: None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[SqliteLedger]:
    with closing(SqliteLedger.open(path)) as ledger:
        yield ledger


def fill(ledger: SqliteLedger, number: int, body: bytes = b"{}") -> None:
    """So many settled notifications, each with a sent event, received and sent at NOW_MS."""
    ledger.keep([notification(f"evt_{place}", body=body) for place in range(number)])
    pending = ledger.pending("stripe", NOW_MS, number)
    settlements = [
        Settlement(one.seq, [mapped(event(f"in_{one.seq}", revenue="4.90", body=body[:700]))]) for one in pending
    ]
    ledger.settle(settlements, {}, NOW_MS)
    ledger.mark([SentMark(one.seq) for one in ledger.ready(LIVE, NOW_MS, number)], [], [], NOW_MS)


class TestHousekeeping:
    def test_it_forgets_all_that_is_old_and_then_waits_for_the_next_hour(self, ledger: SqliteLedger) -> None:
        fill(ledger, 1_200)
        lines: list[bytes] = []
        housekeeping = Housekeeping(ledger, KEEP_DAYS, lambda: LATER_MS, LineLog(lines.append))
        steps = 0
        while housekeeping.step() == PAUSE_MS:
            steps += 1
        assert steps >= 5  # in bites
        assert 0 < housekeeping.step() <= HOUR_MS
        (line,) = lines
        assert b'"bodies_forgotten":2400' in line
        kept = ledger.kept(1)
        assert kept is not None
        assert (kept.forgotten, kept.pending.notification.body, kept.findings[0]["keys"]) == (True, b"", ["in_1"])

    def test_the_worker_does_it_beside_its_other_work(self, ledger: SqliteLedger) -> None:
        fill(ledger, 700)
        done = Event()
        housekeeping = Housekeeping(ledger, KEEP_DAYS, lambda: LATER_MS, LineLog(lambda _: done.set()))
        worker = Worker([], [], quiet, housekeeping=housekeeping)
        worker.start()
        assert done.wait(30)
        worker.stop()
        assert ledger.forget_bodies(LATER_MS, 1) == 0

    def test_what_is_younger_stays(self, ledger: SqliteLedger) -> None:
        fill(ledger, 1, b"a body")
        housekeeping = Housekeeping(ledger, KEEP_DAYS, lambda: LATER_MS - MINUTE_MS, quiet)
        while housekeeping.step() == PAUSE_MS:
            pass
        kept = ledger.kept(1)
        assert kept is not None
        assert (kept.forgotten, kept.pending.notification.body) == (False, b"a body")

    def test_no_days_keep_bodies_for_ever(self, ledger: SqliteLedger) -> None:
        fill(ledger, 1, b"a body")
        housekeeping = Housekeeping(ledger, 0, lambda: NOW_MS * 2, quiet)
        while housekeeping.step() == PAUSE_MS:
            pass
        kept = ledger.kept(1)
        assert kept is not None
        assert not kept.forgotten

    def test_the_file_gets_smaller_while_webhooks_are_kept(self, ledger: SqliteLedger, path: Path) -> None:
        fill(ledger, 1_500, bytes(9_000))
        before = size_of(path)
        new: list[bool] = []
        done = Event()

        def keep_on() -> None:
            number = 0
            while not done.is_set():
                number += 1
                new.extend(ledger.keep([notification(f"new_{number}")]))

        def keep_house() -> None:
            housekeeping = Housekeeping(ledger, KEEP_DAYS, lambda: LATER_MS, quiet)
            while housekeeping.step() == PAUSE_MS:
                pass
            done.set()

        run_together([Thread(target=keep_on), Thread(target=keep_house)])
        assert new
        assert all(new)
        assert size_of(path) < before / 3
        assert ledger.keep([notification("evt_7"), notification("new_1")]) == [False, False]
        assert ledger.status(NOW_MS).events == {("production", "sent"): 1_500}

    def test_a_long_log_is_emptied_unless_somebody_reads_it(self, ledger: SqliteLedger, path: Path) -> None:
        log = path.with_name("ledger.db-wal")
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM notifications").fetchone()
            ledger.keep([notification(f"evt_{place}", body=bytes(900_000)) for place in range(80)])
            ledger.compact(1)
            assert log.stat().st_size > LONG_LOG_BYTES
            assert ledger.keep([notification("evt_more")]) == [True]  # nobody waits for that reader
        ledger.compact(1)
        assert log.stat().st_size < LONG_LOG_BYTES / 10


@settings(max_examples=20, deadline=None)
@given(bites=st.lists(st.integers(1, 7), max_size=6), reopened=st.lists(st.integers(1, 12), max_size=4, unique=True))
def test_forgetting_and_opening_again_in_any_order(
    tmp_path_factory: pytest.TempPathFactory, bites: list[int], reopened: list[int]
) -> None:
    with closing(SqliteLedger.open(tmp_path_factory.mktemp("ledger") / "db")) as ledger:
        fill(ledger, 12, b"a body")
        forgotten = sum(ledger.forget_bodies(NOW_MS + 1, limit) for limit in bites)
        opened = ledger.reopen(reopened)
        gone = [seq for seq in range(1, 13) if (kept := ledger.kept(seq)) and kept.forgotten]
        assert opened == len(set(reopened) - set(gone))
        assert len(gone) == min(forgotten, 12)
        pending = ledger.pending("stripe", NOW_MS, 20)
        assert all(one.notification.body == b"a body" for one in pending)
        left = ledger.forget_bodies(NOW_MS + 1, 100)
        assert left == 24 - forgotten - opened
        assert ready(ledger) == []


def size_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint").fetchall()
    return path.stat().st_size
