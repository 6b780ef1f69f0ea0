"""What keeps a SQLite ledger small: old bodies go, and the room they leave goes back to the disk."""

import sqlite3
from collections.abc import Sequence

from bridge.values import jsontext

FREE_SHARE = 10  # one page of so many may stay free: new bodies soon need the room again

_OLD_NOTIFICATIONS = """
    SELECT seq FROM notifications INDEXED BY notifications_received
    WHERE forgotten = 0 AND received_at_ms < ? AND outcome IS NOT NULL ORDER BY received_at_ms LIMIT ?
"""
_OLD_EVENTS = """
    SELECT seq FROM events INDEXED BY events_forgettable
    WHERE state = 'sent' AND NOT forgotten AND sent_at_ms < ? ORDER BY sent_at_ms LIMIT ?
"""
_FORGET_NOTIFICATIONS = """
    UPDATE notifications SET forgotten = 1, answers = '{}'
    WHERE seq IN (SELECT value FROM json_each(?)) AND outcome IS NOT NULL
"""
_REMOVE_BODIES = """
    DELETE FROM bodies WHERE seq IN (SELECT value FROM json_each(?))
    AND EXISTS (SELECT 1 FROM notifications WHERE notifications.seq = bodies.seq AND forgotten)
"""
_FORGET_EVENTS = """
    UPDATE events SET forgotten = 1, body = x'' WHERE seq IN (SELECT value FROM json_each(?)) AND state = 'sent'
"""


def forgettable(db: sqlite3.Connection, before_ms: int, limit: int) -> tuple[list[int], list[int]]:
    """The seqs of notifications and of events whose bodies may go, the oldest first, together at most `limit`."""
    notifications = [row["seq"] for row in db.execute(_OLD_NOTIFICATIONS, (before_ms, limit))]
    events = [row["seq"] for row in db.execute(_OLD_EVENTS, (before_ms, limit - len(notifications)))]
    return notifications, events


def forget(db: sqlite3.Connection, notifications: Sequence[int], events: Sequence[int]) -> int:
    """Remove these bodies, except what was opened again meanwhile. Gives how many went."""
    kept_ones, sent_ones = _list(notifications), _list(events)
    count = db.execute(_FORGET_NOTIFICATIONS, (kept_ones,)).rowcount
    db.execute(_REMOVE_BODIES, (kept_ones,))
    return count + db.execute(_FORGET_EVENTS, (sent_ones,)).rowcount


def compact(db: sqlite3.Connection, pages: int) -> int:
    """Give up to so many free pages back to the disk; gives how many. A file of an old version gives none."""
    (free,) = db.execute("PRAGMA freelist_count").fetchone()
    (all_pages,) = db.execute("PRAGMA page_count").fetchone()
    spare = min(pages, free - all_pages // FREE_SHARE)
    if spare <= 0:
        return 0
    for _ in range(spare):
        db.execute(
            "PRAGMA incremental_vacuum(1)"
        )  # Python takes only the first step of this statement, which is one page
    (left,) = db.execute("PRAGMA freelist_count").fetchone()
    given_back: int = free - left
    return given_back


def _list(seqs: Sequence[int]) -> str:
    return jsontext.dumps(list(seqs)).decode()
