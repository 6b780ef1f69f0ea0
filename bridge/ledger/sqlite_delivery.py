"""What the SQLite ledger hands to delivery, and what it writes of each try.

`leaving` says how a try that has begun left: 1 alone under its key, 2 in a batch. `in_doubt` says the same of tries
that may have reached FloKit, and 2 is for good: FloKit has no means to know such an event when it comes again, because
it was in a batch, which carries no key, or because FloKit forgets keys after 24 hours.
"""

import sqlite3
from collections.abc import Sequence

from bridge.ledger.base import Failure, Refusal, SentMark
from bridge.values import jsontext
from bridge.values.records import Batch, Environment, Ready
from bridge.values.times import DAY_MS

KEY_REMEMBERED_MS = DAY_MS  # FloKit, "Send events": an Idempotency-Key is honoured for 24 hours

_READY = """
    SELECT seq, key, occurred_at_ms, body, attempts, in_doubt OR leaving AS in_doubt, first_tried_at_ms
    FROM events INDEXED BY events_ready
    WHERE state = 'ready' AND environment = ? AND due_at_ms <= ? ORDER BY occurred_at_ms, seq LIMIT ?
"""
_BATCH = """
    FROM events INDEXED BY events_ready
    WHERE state = 'ready' AND environment = ? AND due_at_ms <= ? AND NOT leaving AND NOT in_doubt
    ORDER BY occurred_at_ms, seq LIMIT ?
"""
_NEXT_READY = "SELECT min(due_at_ms) FROM events INDEXED BY events_ready WHERE state = 'ready' AND environment = ?"
_DUE = """
    SELECT count(*) FROM events INDEXED BY events_ready
    WHERE state = 'ready' AND environment = ? AND due_at_ms <= ?
"""
_LEAVING = """
    UPDATE events SET leaving = :how, first_tried_at_ms = coalesce(first_tried_at_ms, :now_ms),
        in_doubt = CASE WHEN (leaving OR in_doubt) AND first_tried_at_ms <= :forgotten_ms THEN 2
            ELSE max(leaving, in_doubt) END
    WHERE seq IN (SELECT value FROM json_each(:seqs)) AND state = 'ready'
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
    UPDATE events SET attempts = attempts + 1, last_status = :status, last_reason = :reason, due_at_ms = :due_ms,
        first_tried_at_ms = CASE WHEN in_doubt OR :in_doubt THEN coalesce(first_tried_at_ms, :now_ms) END,
        in_doubt = CASE WHEN :in_doubt THEN max(leaving, in_doubt, 1) ELSE in_doubt END, leaving = 0
    WHERE seq = :seq AND state = 'ready'
"""
_DOUBTFUL = """
    SELECT environment, state, count(*) AS count FROM events INDEXED BY events_doubled
    WHERE in_doubt = 2 GROUP BY environment, state
"""


def ready(db: sqlite3.Connection, environment: Environment, now_ms: int, limit: int) -> list[Ready]:
    """Events to be sent that are due."""
    rows = db.execute(_READY, (environment.value, now_ms, limit))
    return [Ready(**{**dict(row), "in_doubt": bool(row["in_doubt"])}) for row in rows]


def backlog(db: sqlite3.Connection, environment: Environment, now_ms: int) -> int:
    """How many events are due."""
    found: int = db.execute(_DUE, (environment.value, now_ms)).fetchone()[0]
    return found


def batchable(db: sqlite3.Connection, environment: Environment, now_ms: int, limit: int) -> int:
    """How many events may go in a batch, counted no further than `limit`."""
    counting = f"SELECT count(*) FROM (SELECT 1 {_BATCH})"  # noqa: S608 - constants
    found: int = db.execute(counting, (environment.value, now_ms, limit)).fetchone()[0]
    return found


def batch(db: sqlite3.Connection, environment: Environment, now_ms: int, limit: int) -> Batch:
    """The first events that may go in a batch."""
    cursor = db.cursor()
    cursor.row_factory = None
    rows = cursor.execute(f"SELECT seq, body, key {_BATCH}", (environment.value, now_ms, limit)).fetchall()
    return Batch([seq for seq, _, _ in rows], [body for _, body, _ in rows], rows[0][2] if rows else "")


def next_ready_ms(db: sqlite3.Connection, environment: Environment) -> int | None:
    """When the next event is due."""
    found: int | None = db.execute(_NEXT_READY, (environment.value,)).fetchone()[0]
    return found


def doubtful(db: sqlite3.Connection) -> dict[tuple[str, str], int]:
    """How many events may arrive, or have arrived, twice: (environment, state) -> count."""
    return {(row["environment"], row["state"]): row["count"] for row in db.execute(_DOUBTFUL)}


def about_to_send(db: sqlite3.Connection, seqs: Sequence[int], now_ms: int) -> None:
    """Note that these events leave, several of them as a batch."""
    how = 1 if len(seqs) == 1 else 2
    wanted = {"how": how, "now_ms": now_ms, "forgotten_ms": now_ms - KEY_REMEMBERED_MS, "seqs": _list(seqs)}
    db.execute(_LEAVING, wanted)


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


def mark_batch(db: sqlite3.Connection, seqs: Sequence[int], event_ids: Sequence[str], now_ms: int) -> None:
    """Write that all of a batch is sent."""
    ids = event_ids or [""] * len(seqs)
    db.executemany(_SENT, [(now_ms, event_id, seq) for seq, event_id in zip(seqs, ids, strict=True)])


def _list(seqs: Sequence[int]) -> str:
    return jsontext.dumps(list(seqs)).decode()


def _failed(failure: Failure, now_ms: int) -> dict[str, object]:
    return {
        "seq": failure.seq,
        "status": failure.status,
        "reason": failure.reason,
        "due_ms": failure.due_ms,
        "in_doubt": failure.in_doubt,
        "now_ms": now_ms,
    }
