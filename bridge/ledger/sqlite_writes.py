"""What the SQLite ledger writes. Each function takes a connection inside a writing transaction."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from bridge.ledger.base import Conflict, Failure, MemoryChange, Refusal, SentMark, Settlement
from bridge.values import jsontext
from bridge.values.records import Event, Finding, Notification, Outcome

_WORST_FIRST = (Outcome.FAILED, Outcome.MAPPED, Outcome.UNMAPPED, Outcome.IGNORED)

_KEEP = """
    INSERT INTO notifications (source, id, type, environment, occurred_at_ms, received_at_ms, hint)
    VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""
_ENTER = """
    INSERT INTO events
        (environment, key, name, notification, occurred_at_ms, entered_at_ms, revenue, currency, body)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET
        name = excluded.name, notification = excluded.notification, occurred_at_ms = excluded.occurred_at_ms,
        entered_at_ms = excluded.entered_at_ms, revenue = excluded.revenue, currency = excluded.currency,
        body = excluded.body, state = 'ready', attempts = 0, due_at_ms = 0
    WHERE state = 'dead' OR (
        state = 'ready' AND attempts = 0 AND NOT leaving
        AND notification = excluded.notification AND entered_at_ms < excluded.entered_at_ms
    )
"""
_REMEMBER = """
    INSERT INTO memory (subject, document, version, updated_at_ms) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET
        document = excluded.document, version = excluded.version, updated_at_ms = excluded.updated_at_ms
"""
_SENT = """
    UPDATE events SET state = 'sent', attempts = attempts + 1, leaving = 0, sent_at_ms = ?, flokit_event_id = ?,
        last_status = NULL, last_reason = ''
    WHERE seq = ? AND state <> 'sent'
"""
_REFUSED = """
    UPDATE events SET state = 'dead', attempts = attempts + 1, leaving = 0, last_status = ?, last_reason = ?
    WHERE seq = ? AND state = 'ready'
"""
_FAILED = """
    UPDATE events SET attempts = attempts + 1, leaving = 0, last_status = :status, last_reason = :reason,
        due_at_ms = :due_ms, in_doubt = in_doubt OR :in_doubt,
        first_tried_at_ms = CASE WHEN in_doubt OR :in_doubt THEN coalesce(first_tried_at_ms, :now_ms) END
    WHERE seq = :seq AND state = 'ready'
"""


def keep(db: sqlite3.Connection, notifications: Sequence[Notification]) -> list[bool]:
    """Insert notifications; False for one that is there already, be it from the same list."""
    cursor = db.cursor()
    return [_keep(cursor, notification) for notification in notifications]


def remember(db: sqlite3.Connection, memories: Mapping[str, MemoryChange], now_ms: int) -> None:
    """Write memories. Raises Conflict when one has not the version that was read."""
    for subject, change in memories.items():
        _remember(db, subject, change, now_ms)


def settle(db: sqlite3.Connection, settlements: Sequence[Settlement], now_ms: int) -> None:
    """Write outcomes and findings, and enter the events whose key is not there yet.

    A key that is there is left alone, with two exceptions for replays: a dead event is entered anew, and one that was
    never tried takes what its own notification now becomes.
    """
    for settlement in settlements:
        _settle(db, settlement, now_ms)


def mark(
    db: sqlite3.Connection,
    sent: Sequence[SentMark],
    refused: Sequence[Refusal],
    failed: Sequence[Failure],
    now_ms: int,
) -> None:
    """Write what became of tries. A sent event stays sent."""
    db.executemany(_SENT, [(now_ms, mark.event_id, mark.seq) for mark in sent])
    db.executemany(_REFUSED, [(refusal.status, refusal.reason, refusal.seq) for refusal in refused])
    db.executemany(_FAILED, [_failed(failure, now_ms) for failure in failed])


def _keep(cursor: sqlite3.Cursor, notification: Notification) -> bool:
    n = notification
    row = (n.source, n.id, n.type, n.environment.value, n.occurred_at_ms, n.received_at_ms, n.hint)
    if not cursor.execute(_KEEP, row).rowcount:
        return False
    cursor.execute("INSERT INTO bodies (seq, body) VALUES (?, ?)", (cursor.lastrowid, n.body))
    return True


def _remember(db: sqlite3.Connection, subject: str, change: MemoryChange, now_ms: int) -> None:
    row = db.execute("SELECT version FROM memory WHERE subject = ?", (subject,)).fetchone()
    if (row["version"] if row else 0) != change.version_read:
        raise Conflict(subject)
    db.execute(_REMEMBER, (subject, jsontext.dumps(change.document).decode(), change.version_read + 1, now_ms))


def _settle(db: sqlite3.Connection, settlement: Settlement, now_ms: int) -> None:
    events = [event for finding in settlement.findings for event in finding.events]
    db.executemany(_ENTER, [_entered(event, settlement.seq, now_ms) for event in events])
    findings = jsontext.dumps([_finding(finding) for finding in settlement.findings]).decode()
    answers = jsontext.dumps(dict(settlement.answers)).decode()
    db.execute(
        "UPDATE notifications SET outcome = ?, findings = ?, answers = ?, waiting_for = '' WHERE seq = ?",
        (_worst(settlement.findings).value, findings, answers, settlement.seq),
    )


def _worst(findings: Sequence[Finding]) -> Outcome:
    return min((finding.outcome for finding in findings), key=_WORST_FIRST.index, default=Outcome.IGNORED)


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "outcome": finding.outcome.value,
        "rule": finding.rule,
        "reason": finding.reason,
        "facts": finding.facts,
        "keys": [event.key for event in finding.events],
    }


def _entered(event: Event, notification: int, now_ms: int) -> tuple[object, ...]:
    revenue = None if event.revenue is None else format(event.revenue, "f")
    when = (event.occurred_at_ms, now_ms)
    return (event.environment.value, event.key, event.name, notification, *when, revenue, event.currency, event.body)


def _failed(failure: Failure, now_ms: int) -> dict[str, object]:
    return {
        "seq": failure.seq,
        "status": failure.status,
        "reason": failure.reason,
        "due_ms": failure.due_ms,
        "in_doubt": failure.in_doubt,
        "now_ms": now_ms,
    }
