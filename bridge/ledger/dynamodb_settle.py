"""What notifications became: their outcomes, events and memories in one transaction of the DynamoDB ledger."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bridge.ledger import dynamodb_keys as keys
from bridge.ledger.base import Conflict, MemoryChange, Settlement
from bridge.ledger.dynamodb_counts import Changes
from bridge.ledger.dynamodb_enter import entering
from bridge.ledger.dynamodb_items import MAX_PACKED_BYTES, Item, packed
from bridge.ledger.dynamodb_notifications import NEW, THERE, packed_answers, pending_key
from bridge.ledger.dynamodb_table import ConditionFailed, Table, Write, delete, fits, put, transactions
from bridge.ledger.findings import finding_document, worst
from bridge.values.records import Finding


class TooMuch(Conflict):
    """More settlements than one transaction can hold: settle them one by one."""


def settle(table: Table, settlements: Sequence[Settlement], memories: Mapping[str, MemoryChange], now_ms: int) -> None:
    """Write outcomes and findings, enter events whose key is not there yet, and write memories, all or nothing.

    A notification that is settled already stays as it is, with all that would have come of it: another function was
    faster. Raises Conflict when others were faster with something of it, and when several settlements are too much for
    one transaction. A single one that is too much is written in several, its outcome last: after a crash in between it
    is mapped again, and finds its own events and memories there.
    """
    kept = _still_pending(table, settlements)
    if settlements and not kept:
        return
    counts = Changes()
    groups = [
        *entering(table, settlements, counts, now_ms),
        *([_remembered(subject, change, now_ms)] for subject, change in memories.items()),
    ]
    outcome = [write for one in settlements for write in _settled(kept[one.seq], one, counts, now_ms)]
    parcels = [[write for group in groups for write in group] + outcome + counts.writes()]
    if not fits(parcels[0]):
        if len(settlements) > 1:
            raise TooMuch(f"{len(parcels[0])} writes")
        parcels = list(transactions([*groups, outcome + counts.writes()]))
    try:
        for parcel in parcels:
            if parcel:
                table.transact(parcel)
    except ConditionFailed:
        raise Conflict("another function was faster") from None


def _still_pending(table: Table, settlements: Sequence[Settlement]) -> dict[int, Item]:
    """The notifications of the settlements. Of a single one that is settled already, nothing."""
    seqs = [one.seq for one in settlements]
    found = table.get_many(key for seq in seqs for key in (keys.kept(seq), keys.outcome(seq)))
    kept = {seq: found[keys.kept(seq)] for seq in seqs if keys.kept(seq) in found and keys.outcome(seq) not in found}
    if len(kept) < len(seqs) > 1:
        raise Conflict("another function was faster")
    return kept


def _remembered(subject: str, change: MemoryChange, now_ms: int) -> Write:
    item: Item = {"document": packed(change.document), "version": change.version_read + 1, "updated_at_ms": now_ms}
    if not change.version_read:
        return put(item, keys.memory(subject), NEW)
    return put(item, keys.memory(subject), "#version = :read", {"read": change.version_read})


def _settled(kept: Item, settlement: Settlement, counts: Changes, now_ms: int) -> Iterator[Write]:
    outcome = worst(settlement.findings).value
    item: Item = {
        "outcome": outcome,
        "findings": _packed_findings(settlement.findings),
        "answers": packed_answers(settlement.answers),
        "settled_at_ms": now_ms,
    }
    counts.add("notifications", kept["source"], outcome)
    yield put(item, keys.outcome(settlement.seq), NEW)
    yield delete(pending_key(kept), THERE)
    if outcome in keys.TROUBLES:
        yield put({"seq": settlement.seq}, (keys.trouble(outcome), kept["received"]))


def _packed_findings(findings: Sequence[Finding]) -> bytes:
    """The findings; without their facts, which only explain, when no item can hold them."""
    documents: list[dict[str, Any]] = [finding_document(finding) for finding in findings]
    data = packed(documents)
    return data if len(data) <= MAX_PACKED_BYTES else packed([{**one, "facts": {}} for one in documents])
