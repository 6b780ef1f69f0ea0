"""Counts and sums that are too dear to be worked out when somebody asks: written in the transaction that changes them.

They stand in several items, one of which is taken by chance, so that functions at work side by side seldom meet.
"""

import random
from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal

from bridge.ledger.dynamodb_keys import Key
from bridge.ledger.dynamodb_table import Table, Write, update

_SHARDS = 16
_PARTITION = "counts"
_SOURCES: Key = ("sources", "sources")

Amount = int | Decimal


class Changes:
    """What one transaction changes. A name is several words, such as a source and an outcome."""

    def __init__(self) -> None:
        self._by_name: dict[str, Amount] = defaultdict(int)

    def add(self, *words: str, amount: Amount = 1) -> None:
        """Count more, or less."""
        self._by_name["#".join(words)] += amount

    def writes(self) -> list[Write]:
        """The write that belongs into the transaction; none when nothing is counted."""
        changed = {name: amount for name, amount in self._by_name.items() if amount}
        if not changed:
            return []
        names = {f"#n{place}": name for place, name in enumerate(changed)}
        expression = "ADD " + ", ".join(f"#n{place} :n{place}" for place in range(len(changed)))
        values = {f"n{place}": amount for place, amount in enumerate(changed.values())}
        shard = f"{random.randrange(_SHARDS):02d}"  # noqa: S311 - no secret
        return [update((_PARTITION, shard), expression, values, names=names)]


def counted(table: Table) -> dict[tuple[str, ...], Amount]:
    """All counts and sums, by the words of their names."""
    totals: dict[tuple[str, ...], Amount] = defaultdict(int)
    for item in table.query(_PARTITION):
        for name, amount in _amounts(item).items():
            totals[tuple(name.split("#"))] += amount
    return dict(totals)


def note_source(table: Table, source: str) -> None:
    """Note, once for each process, that notifications of this source are kept."""
    table.write(update(_SOURCES, "SET #source = :there", {"there": 1}, names={"#source": source}))


def sources(table: Table) -> list[str]:
    """All sources of which notifications are kept."""
    return sorted(_amounts(table.get(_SOURCES) or {}))


def _amounts(item: Mapping[str, Amount]) -> dict[str, Amount]:
    return {name: amount for name, amount in item.items() if name not in ("pk", "sk")}
