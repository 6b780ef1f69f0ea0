"""How events come into the DynamoDB ledger: once for each key, for good."""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from bridge.errors import LedgerError
from bridge.ledger import dynamodb_keys as keys
from bridge.ledger.base import Conflict, Settlement
from bridge.ledger.dynamodb_counts import Changes
from bridge.ledger.dynamodb_items import Item
from bridge.ledger.dynamodb_keys import Key
from bridge.ledger.dynamodb_notifications import NEW
from bridge.ledger.dynamodb_table import Table, Write, delete, put
from bridge.values.records import Event


@dataclass(frozen=True, slots=True)
class Standing:
    """An event in the ledger, with its place among those to be sent while it is there."""

    event: Item
    waiting: Item | None = None

    @property
    def was_never_tried(self) -> bool:
        """Whether FloKit cannot know of it."""
        return self.waiting is not None and not (self.waiting["attempts"] or self.waiting["leaving"])


def standing(table: Table, seqs: Iterable[int]) -> dict[int, Standing]:
    """The events of these numbers, as they stand; those that there are not are left out."""
    events = {item["seq"]: item for item in table.get_many(keys.event(seq) for seq in seqs).values()}
    waiting = table.get_many(ready_key(item) for item in events.values() if item["state"] == "ready")
    return {seq: Standing(item, waiting.get(ready_key(item))) for seq, item in events.items()}


def entering(table: Table, settlements: Sequence[Settlement], counts: Changes, now_ms: int) -> Iterator[list[Write]]:
    """For each event that is to be entered its writes; `counts` takes what it changes.

    A key that is there is left alone, with three exceptions: a dead event is entered anew, and one that was never tried
    takes what its own notification now becomes, or what another one becomes that says so. Raises Conflict when that has
    been tried meanwhile, LedgerError.
    """
    wanted: dict[int, tuple[Event, Settlement]] = {}
    for one in settlements:
        for event in (event for finding in one.findings for event in finding.events):
            _want(wanted, event, one)
    there = standing(table, wanted)
    for seq, (event, settlement) in wanted.items():
        item, is_anew = _item(seq, event, settlement.seq, now_ms), event.key in settlement.anew
        if seq not in there:
            yield _first(item, counts)
        elif _may_change(there[seq], event, settlement.seq, anew=is_anew):
            yield _anew(there[seq], item, counts)
        elif is_anew:
            raise Conflict(event.key)


def _want(wanted: dict[int, tuple[Event, Settlement]], event: Event, settlement: Settlement) -> None:
    """The first event of a key counts, unless a later one takes its place."""
    seq = keys.event_seq(event.environment, event.key)
    if seq not in wanted or event.key in settlement.anew:
        wanted[seq] = event, settlement


def _may_change(there: Standing, event: Event, notification: int, *, anew: bool) -> bool:
    """Whether an event that is there takes what a notification becomes now. Raises LedgerError for another's number."""
    known = there.event
    if (known["environment"], known["key"]) != (event.environment.value, event.key):
        raise LedgerError("two events have the same number, which happens once in a billion years: report it")
    is_own = anew or known["notification"] == notification
    return known["state"] == "dead" or (there.was_never_tried and is_own)


def ready_key(event: Item) -> Key:
    """Where an event stands while it is to be sent."""
    return keys.ready(event["environment"]), event["place"]


def dead_key(event: Item) -> Key:
    """Where an event stands while it is refused."""
    return keys.dead(event["environment"]), event["place"]


def revenue_of(event: Item) -> Decimal | None:
    """An event's signed amount."""
    return Decimal(event["revenue"]) if "revenue" in event else None


def _first(item: Item, counts: Changes) -> list[Write]:
    counts.add("events", item["environment"])
    _add_money(counts, item, 1)
    return [put(item, keys.event(item["seq"]), NEW), put(_waiting(item, {}), ready_key(item))]


def _anew(there: Standing, item: Item, counts: Changes) -> list[Write]:
    """An event in place of the one that stands there, if that still stands as it was read."""
    _add_money(counts, there.event, -1)
    _add_money(counts, item, 1)
    as_read = {"state": there.event["state"], "place": there.event["place"]}
    event = put(item, keys.event(item["seq"]), "#state = :state AND #place = :place", as_read)
    waiting = put(_waiting(item, there.event), ready_key(item))
    if there.event["state"] == "dead":
        return [event, waiting, delete(dead_key(there.event))]
    never_tried = "#attempts = :zero AND #leaving = :zero"
    return [event, waiting, delete(ready_key(there.event), never_tried, {"zero": 0})]


def _item(seq: int, event: Event, notification: int, now_ms: int) -> Item:
    return {
        "seq": seq,
        "environment": event.environment.value,
        "key": event.key,
        "name": event.name,
        "notification": notification,
        "occurred_at_ms": event.occurred_at_ms,
        "entered_at_ms": now_ms,
        "revenue": None if event.revenue is None else format(event.revenue, "f"),
        "currency": event.currency,
        "body": zlib.compress(event.body),
        "state": "ready",
        "place": keys.place(event.occurred_at_ms, now_ms),
    }


def _waiting(event: Item, before: Item) -> Item:
    """An event's place among those to be sent. What FloKit may know of it from `before` is not forgotten."""
    return {
        "seq": event["seq"],
        "entered_at_ms": event["entered_at_ms"],
        "due_at_ms": 0,
        "attempts": 0,
        "leaving": 0,
        "in_doubt": before.get("in_doubt", 0),
        "first_tried_at_ms": before.get("first_tried_at_ms"),
    }


def _add_money(counts: Changes, event: Item, times: int) -> None:
    if event.get("revenue") is None or event.get("currency") is None:
        return
    amount = Decimal(event["revenue"]) * times
    side = "sold" if Decimal(event["revenue"]) >= 0 else "given_back"
    counts.add(
        "money", event["environment"], event["currency"], side, amount=abs(amount) if times > 0 else -abs(amount)
    )
