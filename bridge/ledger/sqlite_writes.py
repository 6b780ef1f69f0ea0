"""What the SQLite ledger writes. Each function takes a connection inside a writing transaction."""

import sqlite3
from collections.abc import Mapping, Sequence

from bridge.ledger.base import Conflict, MemoryChange, Settlement
from bridge.ledger.findings import finding_document, worst
from bridge.ledger.late_index import IDS, KEYS, SUBJECTS, Keys, hash_of
from bridge.values import jsontext
from bridge.values.records import Event, Notification

Row = Sequence[object] | Mapping[str, object]

_KEEP = """
    INSERT INTO notifications (hash, source, id, type, environment, occurred_at_ms, received_at_ms, hint)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_ENTER = """
    INSERT INTO events
        (hash, environment, key, name, notification, occurred_at_ms, entered_at_ms, revenue, currency, body)
    VALUES (:hash, :environment, :key, :name, :notification, :occurred_at_ms, :now_ms, :revenue, :currency, :body)
"""
_ENTER_ANEW = """
    UPDATE events SET name = :name, notification = :notification, occurred_at_ms = :occurred_at_ms,
        entered_at_ms = :now_ms, revenue = :revenue, currency = :currency, body = :body,
        state = 'ready', attempts = 0, due_at_ms = 0
    WHERE seq = :seq AND (
        state = 'dead' OR (
            state = 'ready' AND attempts = 0 AND NOT leaving
            AND (:anew OR (notification = :notification AND entered_at_ms < :now_ms))
        )
    )
"""
_SETTLE = "UPDATE notifications SET outcome = ?, findings = ?, answers = ?, waiting_for = '' WHERE seq = ?"
_REMEMBER = """
    INSERT INTO memory (hash, subject, document, version, updated_at_ms) VALUES (?, ?, ?, 1, ?)
"""
_REMEMBER_ANEW = """
    UPDATE memory SET document = ?, version = version + 1, updated_at_ms = ? WHERE seq = ? AND version = ?
"""


def keep(db: sqlite3.Connection, notifications: Sequence[Notification]) -> list[bool]:
    """Insert notifications; False for one that is there already, be it from the same list."""
    ids = IDS.current(db)
    kept = [_keep(db, ids, notification) for notification in notifications]
    ids.write_late()
    return kept


def remember(db: sqlite3.Connection, memories: Mapping[str, MemoryChange], now_ms: int) -> None:
    """Write memories. Raises Conflict when one has not the version that was read."""
    subjects = SUBJECTS.current(db)
    for subject, change in memories.items():
        _remember(db, subjects, subject, change, now_ms)
    subjects.write_late()


def settle(db: sqlite3.Connection, settlements: Sequence[Settlement], now_ms: int) -> None:
    """Write outcomes and findings, and enter the events whose key is not there yet.

    A key that is there is left alone, with three exceptions: a dead event is entered anew, one that was never tried
    takes what its own notification now becomes, or what another one becomes that says so. Raises Conflict when that
    has been tried meanwhile.
    """
    keys = KEYS.current(db)
    for settlement in settlements:
        _settle(db, keys, settlement, now_ms)
    keys.write_late()


def _keep(db: sqlite3.Connection, ids: Keys, notification: Notification) -> bool:
    n = notification
    hashed = hash_of(n.source, n.id)
    if ids.find(hashed, n.source, n.id) is not None:
        return False
    row = (hashed, n.source, n.id, n.type, n.environment.value, n.occurred_at_ms, n.received_at_ms, n.hint)
    seq = _inserted(db, ids, hashed, _KEEP, row)
    db.execute("INSERT INTO bodies (seq, body) VALUES (?, ?)", (seq, n.body))
    return True


def _remember(db: sqlite3.Connection, subjects: Keys, subject: str, change: MemoryChange, now_ms: int) -> None:
    document = jsontext.dumps(change.document).decode()
    hashed = hash_of(subject)
    seq = subjects.find(hashed, subject)
    if seq is None and change.version_read == 0:
        _inserted(db, subjects, hashed, _REMEMBER, (hashed, subject, document, now_ms))
    elif not db.execute(_REMEMBER_ANEW, (document, now_ms, seq, change.version_read)).rowcount:
        raise Conflict(subject)


def _inserted(db: sqlite3.Connection, keys: Keys, hashed: int, insert: str, row: Row) -> int:
    """Insert a row with a new key; gives its seq."""
    seq = db.execute(insert, row).lastrowid
    assert seq is not None  # noqa: S101 - an INSERT that did not raise has one
    keys.add(hashed, seq)
    return seq


def _settle(db: sqlite3.Connection, keys: Keys, settlement: Settlement, now_ms: int) -> None:
    for event in (event for finding in settlement.findings for event in finding.events):
        _enter(db, keys, event, settlement, now_ms)
    findings = jsontext.dumps([finding_document(finding) for finding in settlement.findings]).decode()
    answers = jsontext.dumps(dict(settlement.answers)).decode()
    db.execute(_SETTLE, (worst(settlement.findings).value, findings, answers, settlement.seq))


def _enter(db: sqlite3.Connection, keys: Keys, event: Event, settlement: Settlement, now_ms: int) -> None:
    key = (event.environment.value, event.key)
    hashed = hash_of(*key)
    seq = keys.find(hashed, *key)
    row = {
        "seq": seq,
        "hash": hashed,
        "environment": event.environment.value,
        "key": event.key,
        "name": event.name,
        "notification": settlement.seq,
        "occurred_at_ms": event.occurred_at_ms,
        "now_ms": now_ms,
        "revenue": None if event.revenue is None else format(event.revenue, "f"),
        "currency": event.currency,
        "body": event.body,
        "anew": event.key in settlement.anew,
    }
    if seq is None:
        _inserted(db, keys, hashed, _ENTER, row)
    elif not db.execute(_ENTER_ANEW, row).rowcount and row["anew"]:
        raise Conflict(event.key)
