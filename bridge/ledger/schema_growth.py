"""Versions 2 to 5 of the schema: a ledger that does not grow dearer with its history.

Version 2 has the tables anew: their keys are found by a late index (bridge.ledger.late_index) instead of a UNIQUE
constraint, and a row says whether its body was forgotten. Version 3 has the rows in them, version 4 the indexes and
the counts, version 5 the filters of the late indexes.
"""

import sqlite3
from collections.abc import Callable

from bridge.ledger.late_index import PARTS, hash_of, write_filters

ROWS_AT_ONCE = 20_000  # moved in one transaction: a fraction of a second

Say = Callable[[str], object]
"""Tells a person how far something that takes long has come."""

NEW_TABLES = (
    "DROP INDEX notifications_pending",
    "DROP INDEX notifications_settled",
    "DROP INDEX events_ready",
    "DROP INDEX events_counted",
    "ALTER TABLE notifications RENAME TO old_notifications",
    "ALTER TABLE events RENAME TO old_events",
    "ALTER TABLE memory RENAME TO old_memory",
    """
    CREATE TABLE notifications (
        seq            INTEGER PRIMARY KEY,
        hash           INTEGER NOT NULL,              -- of source and id, which are there once
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
        forgotten      INTEGER NOT NULL DEFAULT 0     -- its body and answers were removed when they were old
    ) STRICT
    """,
    """
    CREATE TABLE events (
        seq               INTEGER PRIMARY KEY,
        hash              INTEGER NOT NULL,           -- of environment and key, which are there once
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
        forgotten         INTEGER NOT NULL DEFAULT 0, -- its body was removed when it was old
        body              BLOB NOT NULL               -- the JSON exactly as it is sent
    ) STRICT
    """,
    """
    CREATE TABLE memory (
        seq           INTEGER PRIMARY KEY,
        hash          INTEGER NOT NULL,               -- of the subject, which is there once
        subject       TEXT NOT NULL,
        document      TEXT NOT NULL,                  -- JSON
        version       INTEGER NOT NULL,
        updated_at_ms INTEGER NOT NULL
    ) STRICT
    """,
)

_NOTIFICATION = """
    source, id, type, environment, occurred_at_ms, received_at_ms, hint, outcome, attempts, due_at_ms, waiting_for,
    answers, findings
"""
_EVENT = """
    environment, key, name, notification, occurred_at_ms, entered_at_ms, revenue, currency, state, attempts, leaving,
    in_doubt, first_tried_at_ms, due_at_ms, last_status, last_reason, sent_at_ms, flokit_event_id, body
"""
_MEMORY = "subject, document, version, updated_at_ms"
_MOVES = (
    f"""
    INSERT INTO notifications (seq, hash, {_NOTIFICATION})
    SELECT seq, hash_of(source, id), {_NOTIFICATION} FROM old_notifications
    WHERE seq > (SELECT coalesce(max(seq), 0) FROM notifications) ORDER BY seq LIMIT {ROWS_AT_ONCE}
    """,  # noqa: S608 - the names of columns
    f"""
    INSERT INTO events (seq, hash, {_EVENT}) SELECT seq, hash_of(environment, key), {_EVENT} FROM old_events
    WHERE seq > (SELECT coalesce(max(seq), 0) FROM events) ORDER BY seq LIMIT {ROWS_AT_ONCE}
    """,  # noqa: S608 - as above
    f"""
    INSERT INTO memory (hash, {_MEMORY}) SELECT hash_of(subject), {_MEMORY} FROM old_memory
    WHERE subject > coalesce((SELECT subject FROM memory ORDER BY seq DESC LIMIT 1), '')
    ORDER BY subject LIMIT {ROWS_AT_ONCE}
    """,  # noqa: S608 - as above
)

_ALL_PARTS = f"WITH RECURSIVE n (part) AS (SELECT 0 UNION ALL SELECT part + 1 FROM n WHERE part < {PARTS - 1})"  # noqa: S608 - a constant
_TABLES = ("notifications", "events", "memory")

INDEXES_AND_COUNTS = (
    *(f"DROP TABLE old_{table}" for table in _TABLES),
    # How far each part of the late indexes is complete.
    """
    CREATE TABLE parts (indexed TEXT, up_to INTEGER, part INTEGER, PRIMARY KEY (indexed, up_to, part))
    STRICT, WITHOUT ROWID
    """,
    *(
        f"INSERT INTO parts {_ALL_PARTS} SELECT '{table}', coalesce((SELECT max(seq) FROM {table}), 0), part FROM n"  # noqa: S608 - constants
        for table in _TABLES
    ),
    "CREATE TABLE filters (indexed TEXT, part INTEGER, bits BLOB NOT NULL, PRIMARY KEY (indexed, part)) STRICT",
    *(
        f"CREATE TABLE {table}_by_hash (hash INTEGER, seq INTEGER, PRIMARY KEY (hash, seq)) STRICT, WITHOUT ROWID"
        for table in _TABLES
    ),
    *(f"INSERT INTO {table}_by_hash SELECT hash, seq FROM {table} ORDER BY hash" for table in _TABLES),  # noqa: S608 - as above
    """
    CREATE INDEX notifications_pending ON notifications (source, occurred_at_ms, seq, due_at_ms, outcome)
    WHERE outcome IS NULL
    """,
    """
    CREATE INDEX notifications_waiting ON notifications (source, occurred_at_ms, seq)
    WHERE outcome IS NULL AND waiting_for <> ''
    """,
    """
    CREATE INDEX notifications_in_trouble ON notifications (outcome, seq)
    WHERE outcome IN ('failed', 'unmapped')
    """,
    "CREATE INDEX notifications_received ON notifications (forgotten, received_at_ms)",
    """
    CREATE INDEX events_ready ON events (environment, occurred_at_ms, seq, due_at_ms, entered_at_ms, state)
    WHERE state = 'ready'
    """,
    "CREATE INDEX events_dead ON events (environment, seq) WHERE state = 'dead'",
    "CREATE INDEX events_doubled ON events (environment, state) WHERE in_doubt = 2",
    "CREATE INDEX events_forgettable ON events (sent_at_ms) WHERE state = 'sent' AND NOT forgotten",
    # What has no end is counted as it changes; what is still to be done is counted in its index.
    """
    CREATE TABLE settled (
        source TEXT, outcome TEXT, count INTEGER NOT NULL, newest INTEGER NOT NULL, PRIMARY KEY (source, outcome)
    ) STRICT, WITHOUT ROWID
    """,
    """
    INSERT INTO settled SELECT source, outcome, count(*), max(seq) FROM notifications
    WHERE outcome IS NOT NULL GROUP BY source, outcome
    """,
    """
    CREATE TRIGGER settled_changed AFTER UPDATE OF outcome ON notifications WHEN old.outcome IS NOT new.outcome
    BEGIN
        UPDATE settled SET count = count - 1 WHERE source = old.source AND outcome = old.outcome;
        INSERT INTO settled SELECT new.source, new.outcome, 1, new.seq WHERE new.outcome IS NOT NULL
        ON CONFLICT DO UPDATE SET count = count + 1, newest = max(newest, excluded.newest);
    END
    """,
    # Sums of money are made of whole numbers of equal amounts: SQLite knows no exact decimals.
    """
    CREATE TABLE amounts (
        environment TEXT, currency TEXT, revenue TEXT, count INTEGER NOT NULL,
        PRIMARY KEY (environment, currency, revenue)
    ) STRICT, WITHOUT ROWID
    """,
    """
    INSERT INTO amounts SELECT environment, coalesce(currency, ''), coalesce(revenue, ''), count(*) FROM events
    GROUP BY 1, 2, 3
    """,
    """
    CREATE TRIGGER amounts_entered AFTER INSERT ON events
    BEGIN
        INSERT INTO amounts VALUES (new.environment, coalesce(new.currency, ''), coalesce(new.revenue, ''), 1)
        ON CONFLICT DO UPDATE SET count = count + 1;
    END
    """,
    """
    CREATE TRIGGER amounts_changed AFTER UPDATE OF currency, revenue ON events
    BEGIN
        UPDATE amounts SET count = count - 1 WHERE environment = old.environment
        AND currency = coalesce(old.currency, '') AND revenue = coalesce(old.revenue, '');
        INSERT INTO amounts VALUES (new.environment, coalesce(new.currency, ''), coalesce(new.revenue, ''), 1)
        ON CONFLICT DO UPDATE SET count = count + 1;
    END
    """,
)


def move_rows(db: sqlite3.Connection, say: Say) -> bool:
    """Move some rows to the new tables, in the order of their seqs; True when all are there."""
    db.create_function("hash_of", -1, hash_of, deterministic=True)
    for table, move in zip(_TABLES, _MOVES, strict=True):
        if db.execute(move).rowcount:
            say(f"bringing the ledger up to date: {db.execute('SELECT last_insert_rowid()').fetchone()[0]} of {table}")
            return False
    return True


def add_filters(db: sqlite3.Connection, _say: Say) -> bool:
    """Write the filters of the late indexes, in one piece."""
    write_filters(db)
    return True
