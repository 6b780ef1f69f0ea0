"""What the DynamoDB ledger forgets in time: bodies, which hold personal data. Everything else stays for good.

A forgotten notification moves from the list `received` to the list `forgotten`, and an event leaves the list `sent`, so
that nobody goes through them again.
"""

from collections.abc import Iterator
from itertools import chain, islice

from bridge.ledger import dynamodb_keys as keys
from bridge.ledger.dynamodb_counts import sources
from bridge.ledger.dynamodb_items import Item
from bridge.ledger.dynamodb_notifications import PAGE, THERE
from bridge.ledger.dynamodb_table import ConditionFailed, Table, Write, delete, put, update
from bridge.values.records import Environment


def forget_bodies(table: Table, before_ms: int, limit: int) -> int:
    """Remove old bodies of settled notifications and of sent events. Gives how many, at most `limit`."""
    old = chain(
        *(_old_notifications(table, source, before_ms) for source in sources(table)),
        *(_old_events(table, environment.value, before_ms) for environment in Environment),
    )
    return sum(_is_written(table, writes) for writes in islice(old, limit))


def _old_notifications(table: Table, source: str, before_ms: int) -> Iterator[list[Write]]:
    """What forgets each of a source's notifications that are settled."""
    old = table.query(keys.received(source), last=keys.at(before_ms), fields="#sk, #seq, #parts", page=PAGE)
    while some := list(islice(old, PAGE)):
        settled = table.get_many(keys.outcome(item["seq"]) for item in some)
        for item in some:
            if keys.outcome(item["seq"]) in settled:
                yield list(_without_bodies(source, item))


def _without_bodies(source: str, received: Item) -> Iterator[Write]:
    seq, place = received["seq"], received["sk"]
    yield update(keys.outcome(seq), "REMOVE #answers", {}, THERE)
    yield delete((keys.received(source), place))
    yield put({"seq": seq}, (keys.forgotten(source), place))
    for part in range(1, received["parts"]):
        yield delete(keys.body_part(seq, part))


def _old_events(table: Table, environment: str, before_ms: int) -> Iterator[list[Write]]:
    """What forgets each of the events that are sent."""
    for item in table.query(keys.sent(environment), last=keys.at(before_ms), page=PAGE):
        body = update(keys.event(item["seq"]), "REMOVE #body", {"sent": "sent"}, "#state = :sent")
        yield [body, delete((item["pk"], item["sk"]))]


def _is_written(table: Table, writes: list[Write]) -> bool:
    try:
        table.transact(writes)
    except ConditionFailed:  # the notification was opened again
        return False
    return True
