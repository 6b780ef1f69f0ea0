"""What the DynamoDB ledger hands to delivery, and what it writes of each try.

While an event is to be sent, its place in the list `ready` says how its tries went: `leaving` is 1 when a try has begun
alone under its key, 2 when it left in a batch, until it is written how that ended; `in_doubt` says the same of tries
that may have reached FloKit, and 2 is for good (see bridge/ledger/sqlite_delivery.py).
"""

import zlib
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from bridge.errors import LedgerError
from bridge.ledger import dynamodb_keys as keys
from bridge.ledger.base import Failure, Refusal, SentMark
from bridge.ledger.dynamodb_enter import Standing, dead_key, ready_key, standing
from bridge.ledger.dynamodb_items import Item, packed, unpacked
from bridge.ledger.dynamodb_keys import Key
from bridge.ledger.dynamodb_notifications import PAGE, THERE, TRIES
from bridge.ledger.dynamodb_table import ConditionFailed, Table, Write, delete, put, transactions
from bridge.values.records import Batch, Environment, Ready
from bridge.values.times import DAY_MS

KEY_REMEMBERED_MS = DAY_MS  # FloKit, "Send events": an Idempotency-Key is honoured for 24 hours

Verdict = SentMark | Refusal | Failure

_DUE = "#due_at_ms <= :now"
_NEVER_LEFT = f"{_DUE} AND #leaving = :zero AND #in_doubt = :zero"


def ready(table: Table, environment: Environment, now_ms: int, limit: int) -> list[Ready]:
    """Events to be sent that are due."""
    finish_batch(table, environment)
    waiting = list(islice(_waiting(table, environment, _DUE, {"now": now_ms}, limit), limit))
    events = table.get_many(keys.event(one["seq"]) for one in waiting)
    return [_ready(events[keys.event(one["seq"])], one) for one in waiting]


def batchable(table: Table, environment: Environment, now_ms: int, limit: int) -> int:
    """How many events may go in a batch, counted no further than `limit`."""
    return len(list(islice(_waiting(table, environment, _NEVER_LEFT, {"now": now_ms, "zero": 0}, limit), limit)))


def batch(table: Table, environment: Environment, now_ms: int, limit: int) -> Batch:
    """The first events that may go in a batch."""
    finish_batch(table, environment)
    found = _waiting(table, environment, _NEVER_LEFT, {"now": now_ms, "zero": 0}, limit)
    seqs = [one["seq"] for one in islice(found, limit)]
    events = table.get_many(map(keys.event, seqs))
    in_order = [events[keys.event(seq)] for seq in seqs]
    return Batch(seqs, [zlib.decompress(one["body"]) for one in in_order], in_order[0]["key"] if in_order else "")


def backlog(table: Table, environment: Environment, now_ms: int) -> int:
    """How many events are due."""
    return sum(1 for _ in _waiting(table, environment, _DUE, {"now": now_ms}))


def about_to_send(table: Table, seqs: Sequence[int], now_ms: int) -> None:
    """Note that these events leave, several of them as a batch."""
    how = 1 if len(seqs) == 1 else 2
    there = standing(table, seqs)
    groups = (_leaves(one.event, one.waiting, how, now_ms) for one in there.values() if one.waiting)
    try:
        for writes in transactions(groups):
            table.transact(writes)
    except ConditionFailed:
        raise LedgerError(f"ledger {table.name}: another function delivers at this moment; look again") from None


def mark(
    table: Table,
    sent: Sequence[SentMark],
    refused: Sequence[Refusal],
    failed: Sequence[Failure],
    now_ms: int,
) -> None:
    """Write what became of tries. A sent event stays sent."""
    ended: list[Verdict] = [*failed, *refused, *sent]
    verdicts = {one.seq: one for one in ended}
    for _ in range(TRIES):
        there = standing(table, verdicts)
        groups = [_marked(there[seq], one, now_ms) for seq, one in verdicts.items() if seq in there]
        try:
            for writes in transactions(groups):
                table.transact(writes)
            return
        except ConditionFailed:  # written meanwhile by a function whose lease was at its end
            continue
    raise LedgerError(f"ledger {table.name}: others deliver the same events at this moment; look again")


def mark_batch(table: Table, seqs: Sequence[int], event_ids: Sequence[str], now_ms: int) -> None:
    """Write that all of a batch is sent: in one piece first, so that a crash while it is spread loses none of it."""
    events = table.get_many(map(keys.event, seqs))
    for environment in sorted({one["environment"] for one in events.values()}):
        taken = {"seqs": list(seqs), "event_ids": list(event_ids) or [""] * len(seqs), "at_ms": now_ms}
        table.write(put({"taken": packed(taken)}, _taken_key(environment)))
        finish_batch(table, Environment(environment))


def finish_batch(table: Table, environment: Environment) -> None:
    """Spread what is written of a batch in one piece, if a crash left it so."""
    item = table.get(_taken_key(environment.value))
    if item is None:
        return
    taken: dict[str, Any] = unpacked(item["taken"])
    sent = [SentMark(*pair) for pair in zip(taken["seqs"], taken["event_ids"], strict=True)]
    mark(table, sent, [], [], taken["at_ms"])
    table.write(delete(_taken_key(environment.value)))


def _waiting(
    table: Table, environment: Environment, only: str, values: dict[str, Any], limit: int | None = None
) -> Iterable[Item]:
    page = None if limit is None else max(limit, PAGE)
    return table.query(keys.ready(environment.value), only=only, values=values, page=page)


def _ready(event: Item, waiting: Item) -> Ready:
    return Ready(
        seq=event["seq"],
        key=event["key"],
        occurred_at_ms=event["occurred_at_ms"],
        body=zlib.decompress(event["body"]),
        attempts=waiting["attempts"],
        in_doubt=bool(waiting["in_doubt"] or waiting["leaving"]),
        first_tried_at_ms=waiting.get("first_tried_at_ms"),
    )


def _leaves(event: Item, waiting: Item, how: int, now_ms: int) -> list[Write]:
    first_ms = waiting.get("first_tried_at_ms", now_ms)
    in_doubt = max(waiting["leaving"], waiting["in_doubt"])
    if in_doubt and first_ms <= now_ms - KEY_REMEMBERED_MS:
        in_doubt = 2
    return _still_waiting(event, {**waiting, "leaving": how, "in_doubt": in_doubt, "first_tried_at_ms": first_ms})


def _still_waiting(event: Item, waiting: Item) -> list[Write]:
    """An event that is still to be sent, with what is known of its tries now."""
    writes = [put(waiting, ready_key(event), THERE)]
    if waiting["in_doubt"] == 2:
        writes.append(put({"seq": event["seq"]}, (keys.doubtful(event["environment"]), str(event["seq"]))))
    return writes


def _marked(there: Standing, verdict: Verdict, now_ms: int) -> list[Write]:
    match verdict:
        case SentMark():
            return _sent(there, verdict, now_ms)
        case Refusal():
            return _refused(there, verdict)
        case Failure():
            return _failed(there, verdict, now_ms)


def _sent(there: Standing, mark: SentMark, now_ms: int) -> list[Write]:
    event = there.event
    if event["state"] == "sent":
        return []
    result = {"state": "sent", "sent_at_ms": now_ms, "flokit_event_id": mark.event_id, "last_status": None}
    listed = (keys.sent(event["environment"]), f"{keys.at(now_ms)}#{event['seq']}")
    return [*_ended(there, {**result, "last_reason": ""}), put({"seq": event["seq"]}, listed)]


def _refused(there: Standing, refusal: Refusal) -> list[Write]:
    if there.waiting is None:
        return []
    result = {"state": "dead", "last_status": refusal.status, "last_reason": refusal.reason}
    return [*_ended(there, result), put({"seq": refusal.seq}, dead_key(there.event))]


def _ended(there: Standing, result: Item) -> list[Write]:
    """An event that is not to be sent any more, with what is known of its tries."""
    event, tries = there.event, there.waiting or there.event
    known = {name: tries.get(name) for name in ("in_doubt", "first_tried_at_ms")}
    changed = {**event, **known, "attempts": tries.get("attempts", 0) + 1, **result}
    as_read = {"state": event["state"], "place": event["place"]}
    listed: Key = ready_key(event) if there.waiting else dead_key(event)
    return [put(changed, keys.event(event["seq"]), "#state = :state AND #place = :place", as_read), delete(listed)]


def _failed(there: Standing, failure: Failure, now_ms: int) -> list[Write]:
    if there.waiting is None:
        return []
    waiting = there.waiting
    in_doubt = waiting["in_doubt"]
    if failure.in_doubt:
        in_doubt = max(waiting["leaving"], in_doubt, 1)
    changed = {
        **waiting,
        "attempts": waiting["attempts"] + 1,
        "leaving": 0,
        "in_doubt": in_doubt,
        "first_tried_at_ms": waiting.get("first_tried_at_ms", now_ms) if in_doubt else None,
        "due_at_ms": failure.due_ms,
        "last_status": failure.status,
        "last_reason": failure.reason,
    }
    return _still_waiting(there.event, changed)


def _taken_key(environment: str) -> Key:
    return f"taken#{environment}", "taken"
