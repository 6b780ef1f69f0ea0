"""The SQLite ledger: the contract of every ledger, and what is particular to a file."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ledger_contract import LIVE, NOW_MS, LedgerContract, enter, event, mapped, notification, ready

from bridge.errors import LedgerError
from bridge.ledger.base import Failure, Ledger, SentMark, Settlement
from bridge.ledger.sqlite import SqliteLedger, open_ledger
from bridge.values.records import Environment, Finding, Notification, Outcome


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[SqliteLedger]:
    ledger = SqliteLedger.open(path)
    yield ledger
    ledger.close()


class TestContract(LedgerContract):
    @pytest.fixture
    def ledger(self, path: Path) -> Iterator[Ledger]:
        self.path = path
        self.opened = [SqliteLedger.open(path)]
        yield self.opened[0]
        for opened in self.opened:
            opened.close()

    def again(self) -> Ledger:
        self.opened.append(SqliteLedger.open(self.path))
        return self.opened[-1]


class TestOpening:
    def test_a_url_names_a_file_in_the_working_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        open_ledger("sqlite:///here.db").close()
        assert (tmp_path / "here.db").is_file()

    def test_a_url_with_four_slashes_names_any_file(self, path: Path) -> None:
        open_ledger(f"sqlite:///{path}").close()
        assert path.is_file()

    @pytest.mark.parametrize("url", ["", "ledger.db", "sqlite:///", "sqlite://ledger.db", "postgres:///x"])
    def test_another_url_is_refused(self, url: str) -> None:
        with pytest.raises(LedgerError, match="expected sqlite:///path"):
            open_ledger(url)

    def test_only_its_owner_may_read_it(self, ledger: SqliteLedger, path: Path) -> None:
        ledger.keep([notification("evt_1")])
        modes = {file.name: oct(file.stat().st_mode & 0o777) for file in path.parent.iterdir()}
        assert modes == {"ledger.db": "0o600", "ledger.db-wal": "0o600", "ledger.db-shm": "0o600"}

    def test_a_missing_folder(self, tmp_path: Path) -> None:
        with pytest.raises(LedgerError, match=r"the folder .*/nowhere does not exist; create it"):
            SqliteLedger.open(tmp_path / "nowhere" / "ledger.db")

    def test_a_folder_in_its_place(self, tmp_path: Path) -> None:
        with pytest.raises(LedgerError, match="let the bridge's user write the file and its folder"):
            SqliteLedger.open(tmp_path)

    def test_a_file_that_is_no_database(self, path: Path) -> None:
        path.write_bytes(b"a shopping list, and not a short one\n" * 100)
        with pytest.raises(LedgerError, match="no SQLite database; name another file in BRIDGE_LEDGER"):
            SqliteLedger.open(path)
        assert path.read_bytes().startswith(b"a shopping list")

    def test_the_database_of_another_program(self, path: Path) -> None:
        with_statement(path, "CREATE TABLE cookies (name)")
        with pytest.raises(LedgerError, match="another program's SQLite database; name a new file"):
            SqliteLedger.open(path)

    def test_a_newer_version(self, path: Path) -> None:
        SqliteLedger.open(path).close()
        with_statement(path, "PRAGMA user_version = 99")
        with pytest.raises(LedgerError, match="the ledger has version 99, this program knows 5; upgrade the program"):
            SqliteLedger.open(path)

    def test_errors_name_the_file(self, path: Path) -> None:
        path.write_bytes(b"no database" * 100)
        with pytest.raises(LedgerError, match=str(path)):
            SqliteLedger.open(path)


class TestTrouble:
    def test_a_file_that_another_process_holds(self, ledger: SqliteLedger, path: Path) -> None:
        ledger.close()
        impatient = SqliteLedger.open(path, busy_timeout_s=0.01)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerError, match="another process holds it"):
            impatient.keep([notification("evt_1")])
        with pytest.raises(LedgerError, match="another process holds it"):
            impatient.writable()
        assert impatient.pending("stripe", NOW_MS, 10) == []  # reading goes on
        other.close()
        assert impatient.keep([notification("evt_1")]) == [True]
        impatient.close()

    def test_a_disk_that_takes_no_more_bytes_loses_nothing_acknowledged(self, ledger: SqliteLedger, path: Path) -> None:
        resource = pytest.importorskip("resource")
        ledger.keep([notification("before")])
        written = path.with_name("ledger.db-wal").stat().st_size
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (written + 10_000, limits[1]))
        try:
            with pytest.raises(LedgerError, match="the disk"):
                ledger.keep([notification("during", body=bytes(60_000))])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert ledger.keep([notification("before"), notification("during")]) == [False, True]

    def test_one_bad_row_leaves_none_of_its_list(self, ledger: SqliteLedger) -> None:
        with pytest.raises(OverflowError):
            ledger.keep([notification("evt_1"), notification("evt_2", at_ms=2**70)])
        assert ledger.pending("stripe", NOW_MS, 10) == []
        assert ledger.keep([notification("evt_1")]) == [True]

    def test_a_folder_that_may_not_be_written(self, tmp_path: Path) -> None:
        with unprivileged(tmp_path), pytest.raises(LedgerError, match="let the bridge's user write the file and its"):
            SqliteLedger.open(tmp_path / "ledger.db")


class TestForPeople:
    def test_a_kept_notification_shows_what_became_of_it_and_why(self, ledger: SqliteLedger) -> None:
        ledger.keep([notification("evt_1", body=b"as it came")])
        seq = ledger.pending("stripe", NOW_MS, 1)[0].seq
        ignored = Finding(Outcome.IGNORED, "a draft", "drafts", {"status": "draft"})
        ledger.settle([Settlement(seq, [ignored, mapped(event("in_1", revenue="4.90"))])], {}, NOW_MS)
        kept = ledger.kept(seq)
        assert kept is not None
        assert kept.pending.notification.body == b"as it came"
        assert kept.outcome is Outcome.MAPPED
        assert kept.findings == [
            {"outcome": "ignored", "rule": "drafts", "reason": "a draft", "facts": {"status": "draft"}, "keys": []},
            {"outcome": "mapped", "rule": "renewal", "reason": "", "facts": {}, "keys": ["in_1"]},
        ]
        assert [(entered.key, str(entered.revenue), entered.state) for entered in kept.events] == [
            ("in_1", "4.90", "ready")
        ]

    def test_an_event_that_was_there_already_shows_who_entered_it(self, ledger: SqliteLedger) -> None:
        enter(ledger, event("in_1"), id_="evt_1")
        enter(ledger, event("in_1"), id_="evt_2")
        first, second = (ledger.kept(seq) for seq in ledger.find())
        assert first is not None
        assert second is not None
        assert second.findings[0]["keys"] == ["in_1"]
        assert second.events == first.events
        assert second.events[0].notification == first.pending.seq

    def test_a_pending_one_says_what_it_waits_for(self, ledger: SqliteLedger) -> None:
        ledger.keep([notification("evt_1")])
        ledger.postpone(1, "Google Play", NOW_MS + 10)
        kept = ledger.kept(1)
        assert kept is not None
        assert (kept.outcome, kept.waiting_for, kept.findings, kept.events) == (None, "Google Play", [], [])
        assert ledger.kept(2) is None

    def test_events_come_newest_first_with_their_last_answer(self, ledger: SqliteLedger) -> None:
        enter(ledger, event("in_1"), event("in_2"))
        sent, failed = ready(ledger)
        retry = Failure(failed.seq, 503, "busy", NOW_MS + 10, in_doubt=False)
        ledger.mark([SentMark(sent.seq, "flokit-1")], [], [retry], NOW_MS + 1)
        newest, oldest = ledger.events(10)
        assert (newest.key, newest.state, newest.last_status, newest.last_reason) == ("in_2", "ready", 503, "busy")
        assert (oldest.state, oldest.sent_at_ms, oldest.flokit_event_id) == ("sent", NOW_MS + 1, "flokit-1")
        assert [entered.key for entered in ledger.events(1)] == ["in_2"]

    def test_find_takes_any_filter(self, ledger: SqliteLedger) -> None:
        ledger.keep(
            [
                Notification("stripe", "a", "invoice.paid", LIVE, 1, 10, b"{}"),
                Notification("apple", "b", "DID_RENEW", Environment.SANDBOX, 1, 20, b"{}"),
                Notification("stripe", "c", "charge.refunded", LIVE, 1, 30, b"{}"),
            ]
        )
        ledger.settle([Settlement(3, [Finding(Outcome.FAILED)])], {}, NOW_MS)
        assert ledger.find() == [1, 2, 3]
        assert ledger.find(source="stripe") == [1, 3]
        assert ledger.find(types=["DID_RENEW", "charge.refunded"]) == [2, 3]
        assert ledger.find(types=[]) == []
        assert ledger.find(outcomes=[Outcome.FAILED, Outcome.UNMAPPED]) == [3]
        assert ledger.find(since_ms=20, until_ms=30) == [2]
        assert ledger.find(source="stripe", limit=1) == [1]
        assert ledger.find(source="stripe", limit=1, newest_first=True) == [3]
        assert ledger.find(outcomes=[Outcome.FAILED], until_ms=30) == []
        assert ledger.find(outcomes=[Outcome.MAPPED]) == []

    def test_no_body_shows_in_a_repr(self, ledger: SqliteLedger) -> None:
        enter(ledger, event("in_1", body=b"secret user"), id_="evt_1")
        assert "secret" not in repr((ledger.kept(1), ledger.events(1), ready(ledger)))


def with_statement(path: Path, statement: str) -> None:
    """Run one statement on the file, as another program would."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute(statement)
    db.close()


@contextmanager
def unprivileged(folder: Path) -> Iterator[None]:
    """The folder cannot be written in this block, even when root runs the tests."""
    user = os.geteuid()
    folder.chmod(0o500)
    if user == 0:
        os.seteuid(65534)  # nobody
    try:
        yield
    finally:
        os.seteuid(user)
        folder.chmod(0o700)
