"""One SQLite file, opened so that what is committed survives a crash and a power cut, and errors say what to do."""

import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from threading import Lock
from time import monotonic, sleep

from bridge.errors import LedgerError
from bridge.ledger.late_index import Connection, open_indexes
from bridge.ledger.schema import Migration, migrate
from bridge.ledger.schema_growth import Say

BUSY_TIMEOUT_S = 10.0  # how long one process waits for another's transaction; they take milliseconds

LONG_LOG_BYTES = 64 << 20

_SETTINGS = (
    "PRAGMA synchronous = FULL",  # in WAL mode only FULL syncs at each commit: https://sqlite.org/pragma.html
    "PRAGMA fullfsync = ON",  # macOS: a plain fsync there does not reach the disk
    "PRAGMA checkpoint_fullfsync = ON",
    "PRAGMA wal_autocheckpoint = 1024",  # pages: 8 MiB; measured, larger logs cost a little more
    f"PRAGMA journal_size_limit = {LONG_LOG_BYTES}",  # what the log's file keeps after a burst
    "PRAGMA cache_size = -16384",  # KiB, for each connection
)

# Measured with bodies of 3 to 60 KB: 4 KiB pages cost up to a third more, larger ones gain little and cost more
# when keys come in random order.
_PAGE_BYTES = 8192

_ADVICE = {
    sqlite3.SQLITE_BUSY: "another process holds it; stop that one, or try again",
    sqlite3.SQLITE_FULL: "the disk is full; make room, nothing that was acknowledged is lost",
    sqlite3.SQLITE_READONLY: "it cannot be written; let the bridge's user write the file and its folder",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; let the bridge's user write the file and its folder",
    sqlite3.SQLITE_NOTADB: "the file is no SQLite database; name another file in BRIDGE_LEDGER",
    sqlite3.SQLITE_CORRUPT: "the file is damaged; restore it from a copy",
    sqlite3.SQLITE_IOERR: "the disk fails; look at the system's log",
}


class SqliteFile:
    """A file with one connection for writing and one for reading, each used by one thread at a time.

    Readers do not wait for a writer's sync. Every error of SQLite comes out as a LedgerError.
    """

    def __init__(self, path: Path, migrations: Sequence[Migration], busy_timeout_s: float, say: Say) -> None:
        """Open or create the file. `busy_timeout_s` is how long to wait for another process's transaction.

        `say` is told how far the upgrade of an older file is.

        Raises LedgerError when it cannot be used, with what to do about it.
        """
        self.path = path.absolute()
        self._log_path = self.path.with_name(f"{self.path.name}-wal")
        self._busy_timeout_ms = round(busy_timeout_s * 1000)
        _create(self.path)
        with self._explained(), ExitStack() as close_on_error:
            self._writer = close_on_error.enter_context(closing(_connect(self.path, busy_timeout_s)))
            _set_up(self._writer)
            _use_write_ahead_log(self._writer, busy_timeout_s)
            migrate(self._writer, migrations, say)
            self._reader = close_on_error.enter_context(closing(_connect(self.path, busy_timeout_s)))
            _set_up(self._reader)
            open_indexes(self._writer)
            open_indexes(self._reader)
            close_on_error.pop_all()
        self._identity = _identity(self.path)
        self._write_lock = Lock()
        self._read_lock = Lock()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that is on disk when the block ends, or not at all when the block raises."""
        with self._write_lock, self._explained():
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
                self._check_still_there()
            except BaseException:
                self._writer.rollback()
                raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One consistent view of what is committed."""
        with self._read_lock, self._explained():
            self._reader.execute("BEGIN")
            try:
                yield self._reader
                self._reader.execute("COMMIT")  # of what it noted in its own memory
            except BaseException:
                self._reader.rollback()
                raise

    def shorten_log(self) -> None:
        """Empty the write-ahead log, if it is long and nobody else reads it just now.

        SQLite begins it anew by itself, but only at a moment when nobody reads.
        """
        if self._log_path.stat().st_size < LONG_LOG_BYTES:
            return
        with self._write_lock, self._read_lock, self._explained():
            self._writer.execute("PRAGMA busy_timeout = 0")  # do not wait for another process's reader
            try:
                self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            finally:
                self._writer.execute(f"PRAGMA busy_timeout = {self._busy_timeout_ms:d}")

    def close(self) -> None:
        """Release the file, once what is under way has ended."""
        with self._write_lock, self._read_lock, self._explained():
            self._reader.close()
            self._writer.close()

    def _check_still_there(self) -> None:
        """SQLite goes on writing to a file that was removed, and what it holds is lost when the process ends."""
        if _identity(self.path) != self._identity:
            raise LedgerError("the file was moved or removed; put it back, or stop the bridge before you replace it")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise LedgerError(f"ledger {self.path}: {_ADVICE.get(_kind(error), str(error))}") from error
        except LedgerError as error:
            raise LedgerError(f"ledger {self.path}: {error}") from None


def print_to_stderr(text: str) -> None:
    """Tell the person who waits."""
    print(text, file=sys.stderr, flush=True)


def _create(path: Path) -> None:
    try:
        path.touch(mode=0o600)  # bodies hold personal data; SQLite gives its other files the same mode
    except FileNotFoundError:
        raise LedgerError(f"ledger {path}: the folder {path.parent} does not exist; create it") from None
    except OSError as error:
        raise LedgerError(
            f"ledger {path}: {error.strerror}; let the bridge's user write the file and its folder"
        ) from None


def _identity(path: Path) -> list[tuple[int, int]]:
    """Which file it is, and which its write-ahead log, whatever their names; empty when one is not there."""
    try:
        found = [file.stat() for file in (path, path.with_name(f"{path.name}-wal"))]
    except OSError:
        return []
    return [(one.st_dev, one.st_ino) for one in found]


def _connect(path: Path, busy_timeout_s: float) -> Connection:
    db = Connection(path, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False)
    db.row_factory = sqlite3.Row
    return db


def _set_up(db: sqlite3.Connection) -> None:
    db.execute(f"PRAGMA page_size = {_PAGE_BYTES}")  # takes effect in a new file only, as the next one
    db.execute("PRAGMA auto_vacuum = INCREMENTAL")  # so that free pages can go back to the disk
    for setting in _SETTINGS:
        db.execute(setting)


def _use_write_ahead_log(db: sqlite3.Connection, busy_timeout_s: float) -> None:
    """SQLite's own busy timeout does not cover this change, which two processes may make at once."""
    give_up_at = monotonic() + busy_timeout_s
    while True:
        try:
            (mode,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
            break
        except sqlite3.OperationalError as error:
            if _kind(error) != sqlite3.SQLITE_BUSY or monotonic() > give_up_at:
                raise
            sleep(0.01)
    if mode != "wal":
        raise LedgerError("this disk cannot hold a write-ahead log (a network drive?); name a file on a local one")


def _kind(error: sqlite3.Error) -> int:
    """SQLite's primary result code; 0 for an error of the Python module itself, such as a closed connection."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF
