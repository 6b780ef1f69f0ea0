"""The tables of the SQLite ledger, and how an older file becomes a newer one.

Bodies stand in a table of their own: they are written once, while the row beside them changes as it is mapped, and
SQLite rewrites a whole row for every change. The partial indexes hold only what is still to be done, so that finding
it does not grow dearer with history; the queries name them, because without statistics SQLite may choose others.
The tables as they are now stand in bridge.ledger.schema_growth.
"""

import sqlite3
from collections.abc import Callable, Sequence

from bridge.errors import LedgerError
from bridge.ledger.schema_growth import INDEXES_AND_COUNTS, NEW_TABLES, Say, add_filters, move_rows

APPLICATION_ID = 0x464C4B42  # "FLKB", in the file's header: tells a ledger from another program's database

Migration = Sequence[str] | Callable[[sqlite3.Connection, Say], bool]
"""What leads from one schema version to the next: statements, or a function for what takes long, which does a piece of
it in each transaction and gives True when it has come to the end."""

_FIRST: Migration = (
    f"PRAGMA application_id = {APPLICATION_ID}",
    """
    CREATE TABLE notifications (
        seq            INTEGER PRIMARY KEY,
        source         TEXT NOT NULL,
        id             TEXT NOT NULL,
        type           TEXT NOT NULL,
        environment    TEXT NOT NULL,
        occurred_at_ms INTEGER NOT NULL,
        received_at_ms INTEGER NOT NULL,
        hint           TEXT NOT NULL,
        outcome        TEXT,                          -- NULL while pending
        attempts       INTEGER NOT NULL DEFAULT 0,
        due_at_ms      INTEGER NOT NULL DEFAULT 0,
        waiting_for    TEXT NOT NULL DEFAULT '',
        answers        TEXT NOT NULL DEFAULT '{}',    -- JSON: what look-ups gave
        findings       TEXT NOT NULL DEFAULT '[]',    -- JSON: outcome, rule, reason, facts and keys of each
        UNIQUE (source, id)
    ) STRICT
    """,
    "CREATE TABLE bodies (seq INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT",
    """
    CREATE INDEX notifications_pending ON notifications (source, occurred_at_ms, seq, due_at_ms, outcome)
    WHERE outcome IS NULL
    """,
    "CREATE INDEX notifications_settled ON notifications (source, outcome) WHERE outcome IS NOT NULL",
    """
    CREATE TABLE events (
        seq               INTEGER PRIMARY KEY,
        environment       TEXT NOT NULL,
        key               TEXT NOT NULL,
        name              TEXT NOT NULL,
        notification      INTEGER NOT NULL,           -- the one that entered it
        occurred_at_ms    INTEGER NOT NULL,
        entered_at_ms     INTEGER NOT NULL,
        revenue           TEXT,                       -- exact decimal, signed
        currency          TEXT,
        state             TEXT NOT NULL DEFAULT 'ready',  -- ready, sent, dead
        attempts          INTEGER NOT NULL DEFAULT 0,
        leaving           INTEGER NOT NULL DEFAULT 0, -- a try has begun, and how it ended is not written yet
        in_doubt          INTEGER NOT NULL DEFAULT 0, -- an ended try may have reached FloKit
        first_tried_at_ms INTEGER,                    -- of the tries that may have reached FloKit
        due_at_ms         INTEGER NOT NULL DEFAULT 0,
        last_status       INTEGER,
        last_reason       TEXT NOT NULL DEFAULT '',
        sent_at_ms        INTEGER,
        flokit_event_id   TEXT NOT NULL DEFAULT '',
        body              BLOB NOT NULL,              -- the JSON exactly as it is sent
        UNIQUE (environment, key)
    ) STRICT
    """,
    """
    CREATE INDEX events_ready ON events (environment, occurred_at_ms, seq, due_at_ms, state)
    WHERE state = 'ready'
    """,
    "CREATE INDEX events_counted ON events (environment, state, currency, revenue)",
    """
    CREATE TABLE memory (
        subject       TEXT PRIMARY KEY,
        document      TEXT NOT NULL,                  -- JSON
        version       INTEGER NOT NULL,
        updated_at_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
)

MIGRATIONS: Sequence[Migration] = (_FIRST, NEW_TABLES, move_rows, INDEXES_AND_COUNTS, add_filters)
"""In order; the first makes version 1. What was once released is never changed, only added to."""


def migrate(db: sqlite3.Connection, migrations: Sequence[Migration], say: Say) -> None:
    """Bring a file to the newest version, each step in a transaction of its own: a crash leaves whole steps.

    Several processes may do this at once. `say` is told how far it is. Raises LedgerError for another program's
    database or a newer version than the program knows, sqlite3.Error when the file cannot be written.
    """
    while _version(db, migrations) < len(migrations):
        with db:
            db.execute("BEGIN IMMEDIATE")
            version = _version(db, migrations)  # again, now that no other process can be at it
            if version < len(migrations) and _apply(db, migrations[version], say):
                db.execute(f"PRAGMA user_version = {version + 1}")


def _apply(db: sqlite3.Connection, migration: Migration, say: Say) -> bool:
    if callable(migration):
        return migration(db, say)
    for statement in migration:
        db.execute(statement)
    return True


def _version(db: sqlite3.Connection, migrations: Sequence[Migration]) -> int:
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (tables,) = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables and application != APPLICATION_ID:
        raise LedgerError("this is another program's SQLite database; name a new file for the ledger")
    if version > len(migrations):
        raise LedgerError(
            f"the ledger has version {version}, this program knows {len(migrations)}; upgrade the program"
        )
    return version
