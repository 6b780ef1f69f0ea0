"""The ledger in one SQLite file. Threads share one SqliteLedger; processes share the file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from bridge.errors import LedgerError
from bridge.ledger import sqlite_views, sqlite_writes
from bridge.ledger.base import (
    Failure,
    LedgerStatus,
    MemoryChange,
    Refusal,
    Remembered,
    SentMark,
    Settlement,
)
from bridge.ledger.schema import MIGRATIONS, Migration
from bridge.ledger.sqlite_file import BUSY_TIMEOUT_S, SqliteFile
from bridge.ledger.views import Entered, Kept
from bridge.ledger.worker_lock import WorkerLock
from bridge.values import jsontext
from bridge.values.records import Environment, Event, Notification, Outcome, Pending, Ready

_POSTPONE = """
    UPDATE notifications SET attempts = attempts + 1, waiting_for = ?, due_at_ms = ?, answers = coalesce(?, answers)
    WHERE seq = ? AND outcome IS NULL
"""
_REOPEN = """
    UPDATE notifications SET outcome = NULL, findings = '[]', attempts = 0, due_at_ms = 0, waiting_for = ''
    WHERE seq = ? AND outcome IS NOT NULL
"""
_LEAVING = """
    UPDATE events SET in_doubt = in_doubt OR leaving, leaving = 1, first_tried_at_ms = coalesce(first_tried_at_ms, ?)
    WHERE seq = ? AND state = 'ready'
"""
_NEXT_DUE = """
    SELECT min(due_at_ms) FROM notifications INDEXED BY notifications_pending
    WHERE outcome IS NULL AND source = ?
"""
_NEXT_READY = "SELECT min(due_at_ms) FROM events INDEXED BY events_ready WHERE state = 'ready' AND environment = ?"
_WAITING = """
    SELECT seq FROM notifications INDEXED BY notifications_pending
    WHERE outcome IS NULL AND waiting_for <> '' ORDER BY occurred_at_ms, seq LIMIT ?
"""
_LEFT_ALONE = """
    SELECT count(*) FROM events WHERE environment = ? AND key = ? AND state <> 'dead'
    AND (state <> 'ready' OR attempts OR leaving OR notification <> ? OR body = ?)
"""
_BACKLOG = """
    SELECT count(*) FROM events INDEXED BY events_ready
    WHERE state = 'ready' AND environment = ? AND due_at_ms <= ?
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
    ) -> Self:
        """Open or create the file; wait at most `busy_timeout_s` for another process's transaction, here and later.

        Raises LedgerError when it cannot be used, with what to do about it.
        """
        return cls(SqliteFile(path, migrations, busy_timeout_s))

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
            row = db.execute("SELECT document, version FROM memory WHERE subject = ?", (subject,)).fetchone()
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
            return sqlite_views.ready(db, environment, now_ms, limit)

    def backlog(self, environment: Environment, now_ms: int) -> int:
        return self._first(_BACKLOG, environment.value, now_ms) or 0

    def next_ready_ms(self, environment: Environment) -> int | None:
        return self._first(_NEXT_READY, environment.value)

    def about_to_send(self, seqs: Sequence[int], now_ms: int) -> None:
        with self._file.writing() as db:
            db.executemany(_LEAVING, [(now_ms, seq) for seq in seqs])

    def mark(
        self, sent: Sequence[SentMark], refused: Sequence[Refusal], failed: Sequence[Failure], now_ms: int
    ) -> None:
        with self._file.writing() as db:
            sqlite_writes.mark(db, sent, refused, failed, now_ms)

    # For people

    def status(self) -> LedgerStatus:
        with self._file.reading() as db:
            return sqlite_views.status(db)

    def find(  # noqa: PLR0913 - the filters of `bridge replay`, each by its name
        self,
        *,
        source: str | None = None,
        types: Sequence[str] | None = None,
        outcomes: Sequence[Outcome] | None = None,
        since_ms: int | None = None,
        until_ms: int | None = None,
        limit: int = 1_000_000,
    ) -> list[int]:
        """The seqs of kept notifications, oldest first, that fit all that is given (None: any).

        `since_ms` (inclusive) and `until_ms` (exclusive) bound the time of reception, epoch milliseconds.
        """
        wanted = {
            "source": source,
            "types": sqlite_views.json_list(types),
            "outcomes": sqlite_views.json_list(outcomes),
            "since_ms": since_ms,
            "until_ms": until_ms,
            "limit": limit,
        }
        with self._file.reading() as db:
            return sqlite_views.find(db, wanted)

    def waiting(self, limit: int) -> list[int]:
        """The seqs of notifications that wait for a look-up, those first that happened first."""
        with self._file.reading() as db:
            return [row["seq"] for row in db.execute(_WAITING, (limit,))]

    def kept(self, seq: int) -> Kept | None:
        """A kept notification with what became of it; None when there is none of this seq."""
        with self._file.reading() as db:
            return sqlite_views.kept(db, seq)

    def events(self, limit: int) -> list[Entered]:
        """The newest events, the last entered first."""
        with self._file.reading() as db:
            return sqlite_views.events(db, limit)

    def would_enter(self, event: Event, notification: int) -> bool:
        """Whether settling the notification of this seq with this event would enter it, or change an unsent one."""
        return not self._first(_LEFT_ALONE, event.environment.value, event.key, notification, event.body)

    def _first(self, sql: str, *values: object) -> int | None:
        with self._file.reading() as db:
            found: int | None = db.execute(sql, values).fetchone()[0]
            return found
