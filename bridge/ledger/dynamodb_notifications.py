"""Notifications in the DynamoDB ledger: kept, waiting to be mapped, opened again."""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from bridge.errors import LedgerError
from bridge.ledger import dynamodb_keys as keys
from bridge.ledger.dynamodb_counts import Changes
from bridge.ledger.dynamodb_items import MAX_PACKED_BYTES, Item, Value, packed, unpacked
from bridge.ledger.dynamodb_keys import Key
from bridge.ledger.dynamodb_table import ConditionFailed, Table, Write, check, delete, put, update
from bridge.values.records import Environment, Notification, Pending

KEPT_AT_ONCE = 8  # in one transaction, which holds so many of the largest bodies
TRIES = 5  # of a write that another function's was faster than
PAGE = 100  # items that are read at once where a few are wanted
NEW = "attribute_not_exists(#pk)"
THERE = "attribute_exists(#pk)"


def keep(table: Table, notifications: Sequence[Notification]) -> list[bool]:
    """Keep the new ones; False for one that is there already, be it from the same list."""
    first: dict[int, Notification] = {}
    is_first = [first.setdefault(seq_of(one), one) is one for one in notifications]
    seqs = list(first)
    new: set[int] = set()
    for start in range(0, len(seqs), KEPT_AT_ONCE):
        new |= _keep(table, {seq: first[seq] for seq in seqs[start : start + KEPT_AT_ONCE]})
    return [here and seq_of(one) in new for one, here in zip(notifications, is_first, strict=True)]


def pending(table: Table, source: str, now_ms: int, limit: int) -> list[Pending]:
    """A source's notifications to be mapped that are due."""
    due = table.query(keys.pending(source), only="#due_at_ms <= :now", values={"now": now_ms}, page=max(limit, PAGE))
    waiting = list(islice(due, limit))
    found = table.get_many(key for one in waiting for key in (keys.kept(one["seq"]), _received(source, one)))
    return [
        pending_of(table, found[keys.kept(one["seq"])], found[_received(source, one)], one)
        for one in waiting
        if _received(source, one) in found  # it is not when another function mapped it since, and it is old
    ]


def soonest_ms(table: Table, partition: str) -> int | None:
    """When the first of a list of waiting things is due; None when nothing waits."""
    soonest: int | None = None
    for item in table.query(partition, fields="#due_at_ms"):
        due_at_ms: int = item["due_at_ms"]
        soonest = due_at_ms if soonest is None else min(soonest, due_at_ms)
        if not soonest:
            break
    return soonest


def postpone(table: Table, seq: int, reason: str, due_ms: int, answers: Mapping[str, Any] | None) -> None:
    """Let a notification wait, if it is still to be mapped."""
    kept = table.get(keys.kept(seq))
    if kept is None:
        return
    expression = "SET #waiting_for = :reason, #due_at_ms = :due, #attempts = #attempts + :one"
    values: dict[str, Value] = {"reason": reason, "due": due_ms, "one": 1}
    if answers is not None:
        expression, values["answers"] = f"{expression}, #answers = :answers", packed_answers(answers)
    try:
        table.write(update(pending_key(kept), expression, values, THERE))
    except ConditionFailed:  # it is settled
        return


def reopen(table: Table, seqs: Sequence[int]) -> int:
    """Let settled notifications be mapped again. Gives how many there were; one without a body is none of them."""
    return sum(_is_reopened(table, seq) for seq in dict.fromkeys(seqs))


def seq_of(notification: Notification) -> int:
    """A notification's number."""
    return keys.notification_seq(notification.source, notification.id)


def pending_key(kept: Item) -> Key:
    """Where a notification stands while it is to be mapped."""
    return keys.pending(kept["source"]), kept["place"]


def received_key(kept: Item) -> Key:
    """Where a notification stands in the list of its source."""
    return _received(kept["source"], kept)


def packed_answers(answers: Mapping[str, Any]) -> bytes:
    """What look-ups gave; nothing of it when it is too large to keep, and it has to be asked again."""
    data = packed(dict(answers))
    return data if len(data) <= MAX_PACKED_BYTES else packed({})


def pending_of(table: Table, kept: Item, received: Item, waiting: Item) -> Pending:
    """The record of these items. Its body is empty when it is not kept any more."""
    notification = Notification(
        source=kept["source"],
        id=kept["id"],
        type=kept["type"],
        environment=Environment(kept["environment"]),
        occurred_at_ms=kept["occurred_at_ms"],
        received_at_ms=kept["received_at_ms"],
        body=_body(table, kept["seq"], received),
        hint=kept["hint"],
    )
    answers = unpacked(waiting["answers"]) if "answers" in waiting else {}
    return Pending(kept["seq"], notification, waiting.get("attempts", 0), answers)


def _keep(table: Table, notifications: Mapping[int, Notification]) -> set[int]:
    """Gives the numbers of the new ones."""
    for _ in range(TRIES):
        known = table.get_many(keys.kept(seq) for seq in notifications)
        fresh = {seq: one for seq, one in notifications.items() if keys.kept(seq) not in known}
        for seq in set(notifications) - set(fresh):
            _check_same(known[keys.kept(seq)], notifications[seq])
        try:
            if fresh:
                table.transact([write for seq, one in fresh.items() for write in _new(table, seq, one)])
            return set(fresh)
        except ConditionFailed:  # another function kept one of them meanwhile
            continue
    raise LedgerError(f"ledger {table.name}: others keep the same notifications at this moment; try again")


def _check_same(kept: Item, notification: Notification) -> None:
    if (kept["source"], kept["id"]) != (notification.source, notification.id):
        raise LedgerError("two notifications have the same number, which happens once in a billion years: report it")


def _new(table: Table, seq: int, one: Notification) -> Iterator[Write]:
    """The writes of a new notification. What no item can hold is written at once: alone it means nothing."""
    body = zlib.compress(one.body)
    parts = [body[start : start + MAX_PACKED_BYTES] for start in range(0, len(body), MAX_PACKED_BYTES)]
    for number, part in enumerate(parts[1:], 1):
        table.write(put({"body": part}, keys.body_part(seq, number)))
    kept: Item = {
        "seq": seq,
        "source": one.source,
        "id": one.id,
        "type": one.type,
        "environment": one.environment.value,
        "occurred_at_ms": one.occurred_at_ms,
        "received_at_ms": one.received_at_ms,
        "hint": one.hint,
        "place": keys.place(one.occurred_at_ms, one.received_at_ms),
        "received": f"{keys.at(one.received_at_ms)}#{seq}",
    }
    yield put(kept, keys.kept(seq), NEW)
    yield put({"seq": seq, "type": one.type, "body": parts[0], "parts": len(parts)}, received_key(kept))
    yield put(_waiting(kept), pending_key(kept))


def _waiting(kept: Item, answers: bytes | None = None) -> Item:
    return {"seq": kept["seq"], "received": kept["received"], "due_at_ms": 0, "attempts": 0, "answers": answers}


def _is_reopened(table: Table, seq: int) -> bool:
    found = table.get_many([keys.kept(seq), keys.outcome(seq)])
    if len(found) < 2:
        return False
    kept, outcome = found[keys.kept(seq)], found[keys.outcome(seq)]
    counts = Changes()
    counts.add("notifications", kept["source"], outcome["outcome"], amount=-1)
    try:
        table.transact(
            [
                delete(keys.outcome(seq), THERE),
                delete((keys.trouble(outcome["outcome"]), kept["received"])),
                check(received_key(kept), THERE),
                put(_waiting(kept, outcome.get("answers")), pending_key(kept)),
                *counts.writes(),
            ]
        )
    except ConditionFailed:  # its body was forgotten, or another process opened it
        return False
    return True


def _body(table: Table, seq: int, received: Item) -> bytes:
    if "body" not in received:
        return b""
    numbers = range(1, received["parts"])
    found = table.get_many(keys.body_part(seq, number) for number in numbers) if numbers else {}
    rest = (found[keys.body_part(seq, number)]["body"] for number in numbers)
    return zlib.decompress(b"".join([received["body"], *rest]))


def _received(source: str, item: Item) -> Key:
    return keys.received(source), item["received"]
