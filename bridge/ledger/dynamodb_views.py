"""What the DynamoDB ledger shows to people: notifications and events with all that became of them."""

import heapq
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from bridge.ledger import dynamodb_keys as keys
from bridge.ledger.dynamodb_counts import sources
from bridge.ledger.dynamodb_enter import Standing, revenue_of, standing
from bridge.ledger.dynamodb_items import Item, unpacked
from bridge.ledger.dynamodb_notifications import PAGE, pending_key, pending_of, received_key
from bridge.ledger.dynamodb_table import Table
from bridge.ledger.views import Entered, Kept
from bridge.values.records import Document, Environment, Outcome
from bridge.values.times import LATEST_MS


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which notifications are looked for; None: any. The times are those of reception, the last one exclusive."""

    source: str | None = None
    types: Sequence[str] | None = None
    outcomes: Sequence[Outcome] | None = None
    since_ms: int | None = None
    until_ms: int | None = None


def find(table: Table, wanted: Wanted) -> Iterator[int]:
    """The seqs of kept notifications that fit, in the order in which they came."""
    if wanted.outcomes is not None and set(wanted.outcomes) <= set(keys.TROUBLES):
        partitions = [keys.trouble(outcome.value) for outcome in wanted.outcomes]
    else:
        names = [wanted.source] if wanted.source else sources(table)
        partitions = [partition(name) for name in names for partition in (keys.received, keys.forgotten)]
    found = _merged(table, partitions, wanted)
    for some in iter(lambda: list(islice(found, PAGE)), []):
        yield from _fitting(table, [item["seq"] for item in some], wanted)


def seq_of(table: Table, source: str, id_: str) -> int | None:
    """The seq of the notification with this id of its source's; None when there is none."""
    seq = keys.notification_seq(source, id_)
    found = table.get(keys.kept(seq))
    return seq if found and (found["source"], found["id"]) == (source, id_) else None


def kept(table: Table, seq: int) -> Kept | None:
    """A notification, its findings, and the events of their keys."""
    found = table.get_many([keys.kept(seq), keys.outcome(seq)])
    if keys.kept(seq) not in found:
        return None
    notification, outcome = found[keys.kept(seq)], found.get(keys.outcome(seq))
    received = table.get(received_key(notification))
    waiting = (table.get(pending_key(notification)) if outcome is None else outcome) or {}
    findings: list[Document] = unpacked(outcome["findings"]) if outcome else []
    return Kept(
        pending_of(table, notification, received or {}, waiting),
        Outcome(outcome["outcome"]) if outcome else None,
        waiting.get("waiting_for", ""),
        findings,
        _events_of(table, findings),
        received is None,
    )


def dead(table: Table, limit: int) -> list[Entered]:
    """Events that FloKit refused, those last that happened first."""
    partitions = [keys.dead(environment.value) for environment in Environment]
    found = heapq.merge(
        *(table.query(name, newest_first=True, page=PAGE) for name in partitions), key=_place, reverse=True
    )
    seqs = [item["seq"] for item in islice(found, limit)]
    there = standing(table, seqs)
    return [_entered(there[seq]) for seq in seqs if seq in there]


def waiting(table: Table, limit: int) -> list[int]:
    """The seqs of notifications that wait for a look-up, those first that happened first."""
    lists = [table.query(keys.pending(name), only="attribute_exists(#waiting_for)") for name in sources(table)]
    return [item["seq"] for item in islice(heapq.merge(*lists, key=_place), limit)]


def entered(table: Table, environment: Environment, wanted: Sequence[str]) -> dict[str, Entered]:
    """The events of these keys that are there, by key."""
    there = standing(table, [keys.event_seq(environment, key) for key in wanted])
    found = map(_entered, there.values())
    return {one.key: one for one in found if one.key in wanted}


def _merged(table: Table, partitions: Sequence[str], wanted: Wanted) -> Iterator[Item]:
    first = keys.at(wanted.since_ms or 0)
    last = keys.at(LATEST_MS if wanted.until_ms is None else wanted.until_ms)  # what came then has more behind it
    if first > last:
        return iter(())
    lists: Iterable[Iterator[Item]] = [
        table.query(name, first=first, last=last, fields="#sk, #seq", page=PAGE) for name in partitions
    ]
    return iter(heapq.merge(*lists, key=_place))


def _fitting(table: Table, seqs: Sequence[int], wanted: Wanted) -> Iterator[int]:
    found = table.get_many(key for seq in seqs for key in (keys.kept(seq), keys.outcome(seq)))
    for seq in seqs:
        if _fits(found.get(keys.kept(seq), {}), found.get(keys.outcome(seq), {}), wanted):
            yield seq


def _fits(kept: Item, outcome: Item, wanted: Wanted) -> bool:
    return (
        (wanted.source is None or kept.get("source") == wanted.source)
        and (wanted.types is None or kept.get("type") in wanted.types)
        and (wanted.outcomes is None or outcome.get("outcome") in wanted.outcomes)
    )


def _events_of(table: Table, findings: Sequence[Document]) -> list[Entered]:
    wanted = [key for finding in findings for key in finding["keys"]]
    seqs = [keys.event_seq(environment, key) for key in wanted for environment in Environment]
    return list(map(_entered, standing(table, seqs).values()))


def _entered(there: Standing) -> Entered:
    event, tries = there.event, there.waiting or there.event
    return Entered(
        seq=event["seq"],
        environment=Environment(event["environment"]),
        key=event["key"],
        name=event["name"],
        notification=event["notification"],
        occurred_at_ms=event["occurred_at_ms"],
        entered_at_ms=event["entered_at_ms"],
        revenue=revenue_of(event),
        currency=event.get("currency"),
        state=event["state"],
        attempts=tries.get("attempts", 0),
        due_at_ms=tries.get("due_at_ms", 0),
        last_status=tries.get("last_status"),
        last_reason=tries.get("last_reason", ""),
        sent_at_ms=event.get("sent_at_ms"),
        flokit_event_id=event.get("flokit_event_id", ""),
        body=zlib.decompress(event["body"]) if "body" in event else b"",
        may_be_doubled=tries.get("in_doubt", 0) == 2,
        leaving=bool(tries.get("leaving", 0)),
        in_doubt=bool(tries.get("in_doubt", 0)),
    )


def _place(item: Item) -> str:
    place: str = item["sk"]
    return place
