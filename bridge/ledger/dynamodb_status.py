"""The counts of the DynamoDB ledger. What waits is counted as it stands, all else from counts kept with the writes."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from bridge.ledger import dynamodb_keys as keys
from bridge.ledger.base import AGES_MS, Backlog, LedgerStatus, SourceStatus
from bridge.ledger.dynamodb_counts import Amount, counted, sources
from bridge.ledger.dynamodb_enter import standing
from bridge.ledger.dynamodb_items import Item
from bridge.ledger.dynamodb_table import Table
from bridge.values.records import Environment

Counted = Mapping[tuple[str, ...], Amount]


def status(table: Table, now_ms: int) -> LedgerStatus:
    """All counts. It reads all that waits, and nothing of what is settled and sent."""
    counts = counted(table)
    backlogs = {one.value: backlog for one in Environment if (backlog := _backlog(table, one.value, now_ms))}
    return LedgerStatus(
        [found for source in sources(table) if (found := _source(table, source, counts))],
        _events(table, counts, backlogs),
        {environment: backlog.oldest_entered_ms for environment, backlog in backlogs.items()},
        _totals(counts),
        backlogs,
        _doubtful(table),
    )


def _source(table: Table, source: str, counts: Counted) -> SourceStatus | None:
    newest = next(_newest(table, source), None)
    if newest is None:
        return None
    by_outcome: dict[str | None, int] = {
        words[2]: int(count) for words, count in counts.items() if words[:2] == ("notifications", source) and count
    }
    pending = list(table.query(keys.pending(source), fields="#waiting_for"))
    if pending:
        by_outcome[None] = len(pending)
    return SourceStatus(source, newest, by_outcome, sum("waiting_for" in one for one in pending))


def _newest(table: Table, source: str) -> Iterator[int]:
    """When the newest notifications were received."""
    for partition in (keys.received(source), keys.forgotten(source)):
        for item in table.query(partition, newest_first=True, fields="#sk", page=1):
            yield int(item["sk"].partition("#")[0])


def _events(table: Table, counts: Counted, backlogs: Mapping[str, Backlog]) -> dict[tuple[str, str], int]:
    """By environment and state: what is neither ready nor dead is sent."""
    found: dict[tuple[str, str], int] = {}
    for environment in map(str, Environment):
        ready = backlogs[environment].count if environment in backlogs else 0
        dead = sum(1 for _ in table.query(keys.dead(environment), fields="#seq"))
        found[environment, "ready"], found[environment, "dead"] = ready, dead
        found[environment, "sent"] = int(counts.get(("events", environment), 0)) - ready - dead
    return {name: count for name, count in found.items() if count}


def _totals(counts: Counted) -> dict[tuple[str, str], dict[str, Any]]:
    totals: dict[tuple[str, str], dict[str, Any]] = defaultdict(
        lambda: {"sold": Decimal(0), "given_back": Decimal(0), "kept": Decimal(0)}
    )
    for words, amount in counts.items():
        if words[0] == "money":
            _, environment, currency, side = words
            totals[environment, currency][side] = Decimal(amount)
    for sums in totals.values():
        sums["kept"] = sums["sold"] - sums["given_back"]
    return dict(totals)


def _backlog(table: Table, environment: str, now_ms: int) -> Backlog | None:
    waiting = list(table.query(keys.ready(environment), fields="#due_at_ms, #entered_at_ms"))
    if not waiting:
        return None
    due = sum(one["due_at_ms"] <= now_ms for one in waiting)
    ages = Counter(_bound(now_ms - one["entered_at_ms"]) for one in waiting)
    oldest_ms = min(one["entered_at_ms"] for one in waiting)
    return Backlog(len(waiting), due, len(waiting) - due, sorted(ages.items()), oldest_ms)


def _bound(age_ms: int) -> int:
    return next((bound for bound in AGES_MS if age_ms < bound), AGES_MS[-1])


def _doubtful(table: Table) -> dict[tuple[str, str], int]:
    found: Counter[tuple[str, str]] = Counter()
    for environment in map(str, Environment):
        seqs = [item["seq"] for item in table.query(keys.doubtful(environment))]
        found.update((environment, _state(one.event)) for one in standing(table, seqs).values())
    return dict(found)


def _state(event: Item) -> str:
    state: str = event["state"]
    return state
