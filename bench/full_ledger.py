"""A ledger as years leave it: settled notifications with sent events, made in a minute."""

import sqlite3
from contextlib import closing
from pathlib import Path

from bridge.ledger.late_index import LAG_ROWS, PARTS, hash_of
from bridge.ledger.schema import MIGRATIONS, migrate
from bridge.ledger.sqlite import SqliteLedger

_TABLES = MIGRATIONS[:2]  # those of today, without their indexes, which are made much faster when the rows are there

# Stripe's ids and Apple's are random, Google's rise. Bodies are as short as those of a ledger that forgot them.
_NOTIFICATIONS = """
    INSERT INTO notifications
        (hash, source, id, type, environment, occurred_at_ms, received_at_ms, hint, outcome, findings)
    WITH RECURSIVE
        numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < :rows),
        ids (i, source, id) AS MATERIALIZED (
            SELECT i, CASE i % 3 WHEN 0 THEN 'stripe' WHEN 1 THEN 'apple' ELSE 'google' END,
                CASE i % 3 WHEN 0 THEN 'evt_1N' || hex(randomblob(9)) WHEN 1 THEN lower(hex(randomblob(16)))
                ELSE '' || (17000000000000000 + i) END
            FROM numbers
        )
    SELECT hash_of(source, id), source, id, 'invoice.paid', 'production', 1700000000000 + i, 1700000000000 + i, '',
        'mapped', '[{"outcome":"mapped","rule":"renewal","reason":"","facts":{},"keys":[]}]'
    FROM ids
"""
_BODIES = "INSERT INTO bodies SELECT seq, randomblob(60) FROM notifications"
_EVENTS = """
    INSERT INTO events (hash, environment, key, name, notification, occurred_at_ms, entered_at_ms, revenue, currency,
        state, attempts, sent_at_ms, body)
    WITH keys (key, seq, at_ms) AS MATERIALIZED (
        SELECT 'in_1N' || hex(randomblob(9)), seq, occurred_at_ms FROM notifications
    )
    SELECT hash_of('production', key), 'production', key, 'renewal_completed', seq, at_ms, at_ms, seq % 97 || '.99',
        'USD', 'sent', 1, at_ms, randomblob(60)
    FROM keys
"""
_MEMORY = """
    INSERT INTO memory (hash, subject, document, version, updated_at_ms)
    WITH subjects (subject) AS MATERIALIZED (
        SELECT 'stripe:sub_1N' || hex(randomblob(9)) FROM notifications WHERE seq % 5 = 0
    )
    SELECT hash_of(subject), subject, '{"user":"user_0123456789","plan":"pro","paid":true}', 3, 1700000000000
    FROM subjects
"""
# As in the midst of its life: the parts of the late indexes take turns from the first new row.
_TAKING_TURNS = f"UPDATE parts SET up_to = up_to - part * {LAG_ROWS // PARTS} WHERE up_to >= {LAG_ROWS}"


def make(path: Path, rows: int) -> None:
    """Make the file, with so many notifications."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for setting in ("page_size = 8192", "auto_vacuum = INCREMENTAL", "synchronous = OFF", "cache_size = -262144"):
            db.execute(f"PRAGMA {setting}")
        migrate(db, _TABLES, print)
        db.create_function("hash_of", -1, hash_of, deterministic=True)
        db.execute("BEGIN")
        db.execute(_NOTIFICATIONS, {"rows": rows})
        for statement in (_BODIES, _EVENTS, _MEMORY):
            db.execute(statement)
        db.execute("COMMIT")
    SqliteLedger.open(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(_TAKING_TURNS)
