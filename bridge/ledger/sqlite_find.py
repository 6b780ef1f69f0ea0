"""Finding kept notifications by what people ask for. Takes a connection inside a reading transaction."""

import sqlite3
from collections.abc import Mapping

from bridge.ledger.late_index import IDS, hash_of
from bridge.values import jsontext
from bridge.values.records import Outcome

_CONDITIONS = {
    "source": "source = :source",
    "types": "type IN (SELECT value FROM json_each(:types))",
    "outcomes": "outcome IN (SELECT value FROM json_each(:outcomes))",
    "since_ms": "received_at_ms >= :since_ms",
    "until_ms": "received_at_ms < :until_ms",
}
_TROUBLE = {Outcome.FAILED, Outcome.UNMAPPED}


def find(db: sqlite3.Connection, wanted: Mapping[str, object], limit: int, *, newest_first: bool) -> list[int]:
    """The seqs of the notifications that fit; a filter that is None is left out."""
    given = {name: _value(value) for name, value in wanted.items() if value is not None}
    index, conditions = _index(wanted)
    where = " AND ".join([*conditions, *(_CONDITIONS[name] for name in given)])
    order = "DESC" if newest_first else "ASC"
    sql = f"SELECT seq FROM notifications {index} WHERE {where} ORDER BY seq {order} LIMIT :limit"  # noqa: S608 - constants
    return [row["seq"] for row in db.execute(sql, {**given, "limit": limit})]


def seq_of(db: sqlite3.Connection, source: str, id_: str) -> int | None:
    """The seq of the notification with this id of its source's; None when there is none."""
    return IDS.current(db).find(hash_of(source, id_), source, id_)


def _index(wanted: Mapping[str, object]) -> tuple[str, list[str]]:
    """The index that leaves least to look at, and the conditions it needs."""
    outcomes = wanted["outcomes"]
    if isinstance(outcomes, list) and _TROUBLE.issuperset(outcomes):
        return "INDEXED BY notifications_in_trouble", ["outcome IN ('failed', 'unmapped')"]
    if wanted["since_ms"] is not None or wanted["until_ms"] is not None:
        return "INDEXED BY notifications_received", ["forgotten IN (0, 1)"]
    return "NOT INDEXED", ["TRUE"]


def _value(value: object) -> object:
    return jsontext.dumps(value).decode() if isinstance(value, list) else value
