"""The ledger in one SQLite file. Threads share one SqliteLedger; processes share the file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from bridge.errors import LedgerError
from bridge.ledger import sqlite_delivery, sqlite_find, sqlite_housekeeping, sqlite_views, sqlite_writes
from bridge.ledger.base import (
    Failure,
    LedgerStatus,
    MemoryChange,
    Refusal,
    Remembered,
    SentMark,
    Settlement,
)
from bridge.ledger.late_index import SUBJECTS, hash_of
from bridge.ledger.schema import MIGRATIONS, Migration
from bridge.ledger.schema_growth import Say
from bridge.ledger.sqlite_file import BUSY_TIMEOUT_S, SqliteFile, print_to_stderr
from bridge.ledger.views import Entered, Kept
from bridge.ledger.worker_lock import WorkerLock
from bridge.values import jsontext
from bridge.values.records import Batch, Environment, Notification, Outcome, Pending, Ready

_POSTPONE = """
    UPDATE notifications SET attempts = attempts + 1, waiting_for = ?, due_at_ms = ?, answers = coalesce(?, answers)
    WHERE seq = ? AND outcome IS NULL
"""
_REOPEN = """
    UPDATE notifications SET outcome = NULL, findings = '[]', attempts = 0, due_at_ms = 0, waiting_for = ''
    WHERE seq = ? AND outcome IS NOT NULL AND NOT forgotten
"""
_NEXT_DUE = """
    SELECT min(due_at_ms) FROM notifications INDEXED BY notifications_pending
    WHERE outcome IS NULL AND source = ?
"""
_WAITING = """
    SELECT seq FROM notifications INDEXED BY notifications_waiting
    WHERE outcome IS NULL AND waiting_for <> '' ORDER BY occurred_at_ms, seq LIMIT ?
"""


def open_ledger(url: str) -> "SqliteLedger":
    """Open the ledger that BRIDGE_LEDGER names: `sqlite:///file` in the working folder, `sqlite:////folder/file`.

    Raises LedgerError when it cannot be used, with what to do about it.
    """
    path = url.removeprefix("sqlite:///")
    if path in (url, ""):
        raise LedgerError(f"BRIDGE_LEDGER: expected sqlite:///path, found {url[:200]!r}")
    return SqliteLedger.open(Path(path))


class SqliteLedger:
    """The `Ledger` of bridge.ledger.base in one file, and what the commands for people ask beside it."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        migrations: Sequence[Migration] = MIGRATIONS,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
        say: Say = print_to_stderr,
    ) -> Self:
        """Open or create the file; wait at most `busy_timeout_s` for another process's transaction, here and later.

        `say` is told how far the upgrade of an older file is.

        Raises LedgerError when it cannot be used, with what to do about it.
        """
        return cls(SqliteFile(path, migrations, busy_timeout_s, say))

    def close(self) -> None:
        self._file.close()

    def writable(self) -> None:
        with self._file.writing() as db:
            (version,) = db.execute("PRAGMA user_version").fetchone()
            db.execute(f"PRAGMA user_version = {version:d}")  # SQLite writes and syncs the page all the same

    def worker_lock(self) -> WorkerLock | None:
        """The right to map and deliver for this ledger, or None while another process has it. Raises LedgerError."""
        return WorkerLock.take(self._file.path.with_name(self._file.path.name + ".worker"))

    # Notifications

    def keep(self, notifications: Sequence[Notification]) -> list[bool]:
        with self._file.writing() as db:
            return sqlite_writes.keep(db, notifications)

    def pending(self, source: str, now_ms: int, limit: int) -> list[Pending]:
        with self._file.reading() as db:
            return sqlite_views.pending(db, source, now_ms, limit)

    def next_due_ms(self, source: str) -> int | None:
        return self._first(_NEXT_DUE, source)

    def recall(self, subject: str) -> Remembered:
        with self._file.reading() as db:
            seq = SUBJECTS.current(db).find(hash_of(subject), subject)
            row = db.execute("SELECT document, version FROM memory WHERE seq = ?", (seq,)).fetchone()
        return Remembered(jsontext.loads(row["document"]), row["version"]) if row else Remembered({}, 0)

    def settle(self, settlements: Sequence[Settlement], memories: Mapping[str, MemoryChange], now_ms: int) -> None:
        with self._file.writing() as db:
            sqlite_writes.remember(db, memories, now_ms)
            sqlite_writes.settle(db, settlements, now_ms)

    def postpone(self, seq: int, reason: str, due_ms: int, answers: Mapping[str, Any] | None = None) -> None:
        given = None if answers is None else jsontext.dumps(dict(answers)).decode()
        with self._file.writing() as db:
            db.execute(_POSTPONE, (reason, due_ms, given, seq))

    def reopen(self, seqs: Sequence[int]) -> int:
        with self._file.writing() as db:
            return db.executemany(_REOPEN, [(seq,) for seq in seqs]).rowcount

    # Events

    def ready(self, environment: Environment, now_ms: int, limit: int) -> list[Ready]:
        with self._file.reading() as db:
            return sqlite_delivery.ready(db, environment, now_ms, limit)

    def backlog(self, environment: Environment, now_ms: int) -> int:
        with self._file.reading() as db:
            return sqlite_delivery.backlog(db, environment, now_ms)

    def batchable(self, environment: Environment, now_ms: int, limit: int) -> int:
        with self._file.reading() as db:
            return sqlite_delivery.batchable(db, environment, now_ms, limit)

    def batch(self, environment: Environment, now_ms: int, limit: int) -> Batch:
        with self._file.reading() as db:
            return sqlite_delivery.batch(db, environment, now_ms, limit)

    def next_ready_ms(self, environment: Environment) -> int | None:
        with self._file.reading() as db:
            return sqlite_delivery.next_ready_ms(db, environment)

    def entered(self, environment: Environment, keys: Sequence[str]) -> Mapping[str, Entered]:
        with self._file.reading() as db:
            return sqlite_views.entered_of(db, environment, keys)

    def about_to_send(self, seqs: Sequence[int], now_ms: int) -> None:
        with self._file.writing() as db:
            sqlite_delivery.about_to_send(db, seqs, now_ms)

    def mark(
        self, sent: Sequence[SentMark], refused: Sequence[Refusal], failed: Sequence[Failure], now_ms: int
    ) -> None:
        with self._file.writing() as db:
            sqlite_delivery.mark(db, sent, refused, failed, now_ms)

    def mark_batch(self, seqs: Sequence[int], event_ids: Sequence[str], now_ms: int) -> None:
        with self._file.writing() as db:
            sqlite_delivery.mark_batch(db, seqs, event_ids, now_ms)

    # Growth

    def forget_bodies(self, before_ms: int, limit: int) -> int:
        with self._file.reading() as db:
            notifications, events = sqlite_housekeeping.forgettable(db, before_ms, limit)
        if not notifications and not events:
            return 0
        with self._file.writing() as db:
            return sqlite_housekeeping.forget(db, notifications, events)

    def compact(self, pages: int) -> int:
        """Give up to so many free pages back to the disk, and the room of a long log. Gives how many pages went."""
        self._file.shorten_log()
        with self._file.writing() as db:
            return sqlite_housekeeping.compact(db, pages)

    # For people

    def status(self, now_ms: int) -> LedgerStatus:
        with self._file.reading() as db:
            return sqlite_views.status(db, now_ms)

    def find(  # noqa: PLR0913 - the filters of `bridge replay`, each by its name
        self,
        *,
        source: str | None = None,
        types: Sequence[str] | None = None,
        outcomes: Sequence[Outcome] | None = None,
        since_ms: int | None = None,
        until_ms: int | None = None,
        limit: int = 1_000_000,
        newest_first: bool = False,
    ) -> list[int]:
        """The seqs of kept notifications, in the order in which they came, that fit all that is given (None: any).

        `since_ms` (inclusive) and `until_ms` (exclusive) bound the time of reception, epoch milliseconds.
        """
        wanted = {
            "source": source,
            "types": None if types is None else list(types),
            "outcomes": None if outcomes is None else list(outcomes),
            "since_ms": since_ms,
            "until_ms": until_ms,
        }
        with self._file.reading() as db:
            return sqlite_find.find(db, wanted, limit, newest_first=newest_first)

    def waiting(self, limit: int) -> list[int]:
        """The seqs of notifications that wait for a look-up, those first that happened first."""
        with self._file.reading() as db:
            return [row["seq"] for row in db.execute(_WAITING, (limit,))]

    def seq_of(self, source: str, id_: str) -> int | None:
        """The seq of the notification to which its source gave this id; None when it is not kept."""
        with self._file.reading() as db:
            return sqlite_find.seq_of(db, source, id_)

    def kept(self, seq: int) -> Kept | None:
        """A kept notification with what became of it; None when there is none of this seq."""
        with self._file.reading() as db:
            return sqlite_views.kept(db, seq)

    def dead(self, limit: int) -> list[Entered]:
        """The newest of the events that FloKit refused."""
        with self._file.reading() as db:
            return sqlite_views.dead(db, limit)

    def events(self, limit: int) -> list[Entered]:
        """The newest events, the last entered first."""
        with self._file.reading() as db:
            return sqlite_views.events(db, limit)

    def _first(self, sql: str, *values: object) -> int | None:
        with self._file.reading() as db:
            found: int | None = db.execute(sql, values).fetchone()[0]
            return found
