"""One SQLite file, opened so that what is committed survives a crash and a power cut, and errors say what to do."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from threading import Lock
from time import monotonic, sleep

from bridge.errors import LedgerError
from bridge.ledger.schema import Migration, migrate

BUSY_TIMEOUT_S = 10.0  # how long one process waits for another's transaction; they take milliseconds

_SETTINGS = (
    "PRAGMA synchronous = FULL",  # in WAL mode only FULL syncs at each commit: https://sqlite.org/pragma.html
    "PRAGMA fullfsync = ON",  # macOS: a plain fsync there does not reach the disk
    "PRAGMA checkpoint_fullfsync = ON",
    "PRAGMA wal_autocheckpoint = 1024",  # pages: 8 MiB; measured, larger logs cost a little more
    "PRAGMA journal_size_limit = 67108864",  # bytes: what the WAL file keeps after a burst
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

    def __init__(self, path: Path, migrations: Sequence[Migration], busy_timeout_s: float) -> None:
        """Open or create the file. `busy_timeout_s` is how long to wait for another process's transaction.

        Raises LedgerError when it cannot be used, with what to do about it.
        """
        self.path = path.absolute()
        _create(self.path)
        with self._explained(), ExitStack() as close_on_error:
            self._writer = close_on_error.enter_context(closing(_connect(self.path, busy_timeout_s)))
            _set_up(self._writer)
            _use_write_ahead_log(self._writer, busy_timeout_s)
            migrate(self._writer, migrations)
            self._reader = close_on_error.enter_context(closing(_connect(self.path, busy_timeout_s)))
            _set_up(self._reader)
            close_on_error.pop_all()
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
            finally:
                self._reader.rollback()

    def close(self) -> None:
        """Release the file, once what is under way has ended."""
        with self._write_lock, self._read_lock, self._explained():
            self._reader.close()
            self._writer.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise LedgerError(f"ledger {self.path}: {_ADVICE.get(_kind(error), str(error))}") from error
        except LedgerError as error:
            raise LedgerError(f"ledger {self.path}: {error}") from None


def _create(path: Path) -> None:
    try:
        path.touch(mode=0o600)  # bodies hold personal data; SQLite gives its other files the same mode
    except FileNotFoundError:
        raise LedgerError(f"ledger {path}: the folder {path.parent} does not exist; create it") from None
    except OSError as error:
        raise LedgerError(
            f"ledger {path}: {error.strerror}; let the bridge's user write the file and its folder"
        ) from None


def _connect(path: Path, busy_timeout_s: float) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False)
    db.row_factory = sqlite3.Row
    return db


def _set_up(db: sqlite3.Connection) -> None:
    db.execute(f"PRAGMA page_size = {_PAGE_BYTES}")  # takes effect in a new file only
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
