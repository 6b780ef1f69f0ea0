"""What the SQLite ledger reads: rows become records. Each function takes a connection inside a reading transaction."""

import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import fields
from decimal import Decimal
from typing import Any

from bridge.ledger.base import LedgerStatus, SourceStatus
from bridge.ledger.views import Entered, Kept
from bridge.values import jsontext
from bridge.values.records import Environment, Notification, Outcome, Pending, Ready

_ENTERED = ", ".join(field.name for field in fields(Entered))

_PENDING = """
    SELECT * FROM notifications INDEXED BY notifications_pending JOIN bodies USING (seq)
    WHERE outcome IS NULL AND source = ? AND due_at_ms <= ? ORDER BY occurred_at_ms, seq LIMIT ?
"""
_READY = """
    SELECT seq, key, occurred_at_ms, body, attempts, in_doubt OR leaving AS in_doubt, first_tried_at_ms
    FROM events INDEXED BY events_ready
    WHERE state = 'ready' AND environment = ? AND due_at_ms <= ? ORDER BY occurred_at_ms, seq LIMIT ?
"""
_FIND = """
    SELECT seq FROM notifications
    WHERE (:source IS NULL OR source = :source)
        AND (:types IS NULL OR type IN (SELECT value FROM json_each(:types)))
        AND (:outcomes IS NULL OR outcome IN (SELECT value FROM json_each(:outcomes)))
        AND (:since_ms IS NULL OR received_at_ms >= :since_ms)
        AND (:until_ms IS NULL OR received_at_ms < :until_ms)
    ORDER BY seq LIMIT :limit
"""
_EVENTS_OF_KEYS = f"""
    SELECT {_ENTERED} FROM events
    WHERE environment IN (SELECT value FROM json_each(?)) AND key IN (SELECT value FROM json_each(?)) ORDER BY seq
"""  # noqa: S608 - the names of a dataclass's fields
_SETTLED_COUNTS = """
    SELECT source, outcome, count(*) AS count, 0 AS waiting, max(seq) AS newest FROM notifications
    WHERE outcome IS NOT NULL GROUP BY source, outcome
"""
_PENDING_COUNTS = """
    SELECT source, NULL AS outcome, count(*) AS count, sum(waiting_for <> '') AS waiting, max(seq) AS newest
    FROM notifications INDEXED BY notifications_pending WHERE outcome IS NULL GROUP BY source
"""
_EVENT_COUNTS = """
    SELECT environment, state, currency, revenue, count(*) AS count FROM events
    GROUP BY environment, state, currency, revenue
"""
_OLDEST_READY = """
    SELECT environment, entered_at_ms FROM events
    WHERE seq IN (SELECT min(seq) FROM events INDEXED BY events_ready WHERE state = 'ready' GROUP BY environment)
"""


def pending(db: sqlite3.Connection, source: str, now_ms: int, limit: int) -> list[Pending]:
    """A source's notifications to be mapped that are due."""
    return [_pending(row) for row in db.execute(_PENDING, (source, now_ms, limit))]


def ready(db: sqlite3.Connection, environment: Environment, now_ms: int, limit: int) -> list[Ready]:
    """Events to be sent that are due."""
    rows = db.execute(_READY, (environment.value, now_ms, limit))
    return [Ready(**{**dict(row), "in_doubt": bool(row["in_doubt"])}) for row in rows]


def find(db: sqlite3.Connection, wanted: Mapping[str, object]) -> list[int]:
    """The seqs of the notifications that fit; `wanted` has a value or None for each parameter of the query."""
    return [row["seq"] for row in db.execute(_FIND, wanted)]


def kept(db: sqlite3.Connection, seq: int) -> Kept | None:
    """A notification, its findings, and the events of their keys."""
    row = db.execute("SELECT * FROM notifications JOIN bodies USING (seq) WHERE seq = ?", (seq,)).fetchone()
    if row is None:
        return None
    findings = jsontext.loads(row["findings"])
    outcome = Outcome(row["outcome"]) if row["outcome"] else None
    return Kept(_pending(row), outcome, row["waiting_for"], findings, _events_of(db, findings))


def events(db: sqlite3.Connection, limit: int) -> list[Entered]:
    """The newest events."""
    rows = db.execute(f"SELECT {_ENTERED} FROM events ORDER BY seq DESC LIMIT ?", (limit,))  # noqa: S608 - as above
    return [_entered(row) for row in rows]


def status(db: sqlite3.Connection) -> LedgerStatus:
    """The counts, from indexes alone: no body is read, and no settled row but the newest of each outcome."""
    counted: dict[tuple[str, str], int] = defaultdict(int)
    totals: dict[tuple[str, str], dict[str, Any]] = {}
    for row in db.execute(_EVENT_COUNTS):
        counted[row["environment"], row["state"]] += row["count"]
        if row["revenue"] is not None:
            _add(totals, row)
    oldest = {row["environment"]: row["entered_at_ms"] for row in db.execute(_OLDEST_READY)}
    return LedgerStatus(_sources(db), dict(counted), oldest, totals)


def json_list(values: Sequence[str] | None) -> str | None:
    """Words as a query takes them; None stays None."""
    return None if values is None else jsontext.dumps(list(values)).decode()


def _add(totals: dict[tuple[str, str], dict[str, Any]], row: sqlite3.Row) -> None:
    sums = totals.setdefault(
        (row["environment"], row["currency"]), {"sold": Decimal(0), "given_back": Decimal(0), "kept": Decimal(0)}
    )
    amount = Decimal(row["revenue"]) * row["count"]
    sums["kept"] += amount
    if amount < 0:
        sums["given_back"] -= amount
    else:
        sums["sold"] += amount


def _sources(db: sqlite3.Connection) -> list[SourceStatus]:
    rows: dict[str, list[sqlite3.Row]] = defaultdict(list)
    for row in [*db.execute(_SETTLED_COUNTS), *db.execute(_PENDING_COUNTS)]:
        rows[row["source"]].append(row)
    return [_source(db, source, rows[source]) for source in sorted(rows)]


def _source(db: sqlite3.Connection, source: str, rows: Sequence[sqlite3.Row]) -> SourceStatus:
    newest = max(row["newest"] for row in rows)
    (received_at_ms,) = db.execute("SELECT received_at_ms FROM notifications WHERE seq = ?", (newest,)).fetchone()
    by_outcome = {row["outcome"]: row["count"] for row in rows}
    return SourceStatus(source, received_at_ms, by_outcome, sum(row["waiting"] for row in rows))


def _events_of(db: sqlite3.Connection, findings: Sequence[dict[str, Any]]) -> list[Entered]:
    keys = [key for finding in findings for key in finding["keys"]]
    rows = db.execute(_EVENTS_OF_KEYS, (json_list(list(Environment)), json_list(keys)))
    return [_entered(row) for row in rows]


def _pending(row: sqlite3.Row) -> Pending:
    notification = Notification(
        source=row["source"],
        id=row["id"],
        type=row["type"],
        environment=Environment(row["environment"]),
        occurred_at_ms=row["occurred_at_ms"],
        received_at_ms=row["received_at_ms"],
        body=row["body"],
        hint=row["hint"],
    )
    return Pending(row["seq"], notification, row["attempts"], jsontext.loads(row["answers"]))


def _entered(row: sqlite3.Row) -> Entered:
    revenue = None if row["revenue"] is None else Decimal(row["revenue"])
    return Entered(**{**dict(row), "environment": Environment(row["environment"]), "revenue": revenue})
