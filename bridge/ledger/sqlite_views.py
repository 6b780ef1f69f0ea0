"""What the SQLite ledger reads: rows become records. Each function takes a connection inside a reading transaction."""

import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import fields
from decimal import Decimal
from typing import Any

from bridge.ledger import sqlite_delivery
from bridge.ledger.base import AGES_MS, Backlog, LedgerStatus, SourceStatus
from bridge.ledger.late_index import KEYS, hash_of
from bridge.ledger.views import Entered, Kept
from bridge.values import jsontext
from bridge.values.records import Environment, Notification, Outcome, Pending

_ENTERED = ", ".join(field.name for field in fields(Entered)).replace(
    "may_be_doubled", "in_doubt = 2 AS may_be_doubled"
)

_PENDING = """
    SELECT * FROM notifications INDEXED BY notifications_pending JOIN bodies USING (seq)
    WHERE outcome IS NULL AND source = ? AND due_at_ms <= ? ORDER BY occurred_at_ms, seq LIMIT ?
"""
_KEPT = """
    SELECT notifications.*, coalesce(body, x'') AS body FROM notifications LEFT JOIN bodies USING (seq) WHERE seq = ?
"""
_EVENT = f"SELECT {_ENTERED} FROM events WHERE seq = ?"  # noqa: S608 - the names of a dataclass's fields
_DEAD = f"""
    SELECT {_ENTERED} FROM events INDEXED BY events_dead WHERE state = 'dead' ORDER BY seq DESC LIMIT ?
"""  # noqa: S608 - as above
_SETTLED_COUNTS = "SELECT source, outcome, count, 0 AS waiting, newest FROM settled WHERE count"
_PENDING_COUNTS = """
    SELECT source, NULL AS outcome, count(*) AS count, (
        SELECT count(*) FROM notifications AS waiting INDEXED BY notifications_waiting
        WHERE outcome IS NULL AND waiting_for <> '' AND waiting.source = pending.source
    ) AS waiting, max(seq) AS newest
    FROM notifications AS pending INDEXED BY notifications_pending WHERE outcome IS NULL GROUP BY source
"""
_AMOUNTS = "SELECT environment, currency, revenue, count FROM amounts WHERE count"
_DEAD_COUNTS = """
    SELECT environment, count(*) AS count FROM events INDEXED BY events_dead WHERE state = 'dead' GROUP BY environment
"""
_YOUNGER = ", ".join(f"sum(entered_at_ms > :now_ms - {age_ms}) AS younger_{age_ms}" for age_ms in AGES_MS)
_BACKLOG = f"""
    SELECT environment, count(*) AS count, sum(due_at_ms <= :now_ms) AS due, min(entered_at_ms) AS oldest_ms, {_YOUNGER}
    FROM events INDEXED BY events_ready WHERE state = 'ready' GROUP BY environment
"""  # noqa: S608 - constants


def pending(db: sqlite3.Connection, source: str, now_ms: int, limit: int) -> list[Pending]:
    """A source's notifications to be mapped that are due."""
    return [_pending(row) for row in db.execute(_PENDING, (source, now_ms, limit))]


def kept(db: sqlite3.Connection, seq: int) -> Kept | None:
    """A notification, its findings, and the events of their keys."""
    row = db.execute(_KEPT, (seq,)).fetchone()
    if row is None:
        return None
    findings = jsontext.loads(row["findings"])
    outcome = Outcome(row["outcome"]) if row["outcome"] else None
    forgotten = bool(row["forgotten"])
    return Kept(_pending(row), outcome, row["waiting_for"], findings, _events_of(db, findings), forgotten)


def events(db: sqlite3.Connection, limit: int) -> list[Entered]:
    """The newest events."""
    rows = db.execute(f"SELECT {_ENTERED} FROM events ORDER BY seq DESC LIMIT ?", (limit,))  # noqa: S608 - as above
    return [_entered(row) for row in rows]


def dead(db: sqlite3.Connection, limit: int) -> list[Entered]:
    """The newest events that FloKit refused."""
    return [_entered(row) for row in db.execute(_DEAD, (limit,))]


def status(db: sqlite3.Connection, now_ms: int) -> LedgerStatus:
    """The counts, without a look at what is settled and sent: those are counted as they change."""
    amounts = db.execute(_AMOUNTS).fetchall()
    totals: dict[tuple[str, str], dict[str, Any]] = {}
    for row in amounts:
        if row["revenue"]:
            _add(totals, row)
    backlog = {row["environment"]: _backlog(row) for row in db.execute(_BACKLOG, {"now_ms": now_ms})}
    oldest = {environment: one.oldest_entered_ms for environment, one in backlog.items()}
    doubtful = sqlite_delivery.doubtful(db)
    return LedgerStatus(_sources(db), _event_counts(db, amounts, backlog), oldest, totals, backlog, doubtful)


def entered_of(db: sqlite3.Connection, environment: Environment, keys: Sequence[str]) -> dict[str, Entered]:
    """The events of these keys that are there, by key."""
    known = KEYS.current(db)
    seqs = {key: known.find(hash_of(environment.value, key), environment.value, key) for key in keys}
    return {key: _entered(db.execute(_EVENT, (seq,)).fetchone()) for key, seq in seqs.items() if seq is not None}


def _backlog(row: sqlite3.Row) -> Backlog:
    younger = [row[f"younger_{age_ms}"] for age_ms in AGES_MS]
    by_age = [(age_ms, to - of) for age_ms, of, to in zip(AGES_MS, [0, *younger], younger, strict=False) if to > of]
    return Backlog(row["count"], row["due"], row["count"] - row["due"], by_age, row["oldest_ms"])


def _event_counts(
    db: sqlite3.Connection, amounts: Sequence[sqlite3.Row], backlog: Mapping[str, Backlog]
) -> dict[tuple[str, str], int]:
    """By environment and state: what is neither ready nor dead is sent."""
    counted = {(environment, "ready"): one.count for environment, one in backlog.items()}
    counted |= {(row["environment"], "dead"): row["count"] for row in db.execute(_DEAD_COUNTS)}
    entered: dict[str, int] = defaultdict(int)
    for row in amounts:
        entered[row["environment"]] += row["count"]
    for environment, count in entered.items():
        waiting = counted.get((environment, "ready"), 0) + counted.get((environment, "dead"), 0)
        if count > waiting:
            counted[environment, "sent"] = count - waiting
    return counted


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
    found = [one for environment in Environment for one in entered_of(db, environment, keys).values()]
    return sorted(found, key=lambda one: one.seq)


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
    typed = {"environment": Environment(row["environment"]), "revenue": revenue}
    flags = {name: bool(row[name]) for name in ("may_be_doubled", "leaving", "in_doubt")}
    return Entered(**{**dict(row), **typed, **flags})
