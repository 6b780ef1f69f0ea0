"""The book of what was given back of one transaction, kept in the ledger's memory.

A refund and its reversal share the transaction's id, and there may be several rounds: refunded, reversed, refunded
again. Notifications arrive in any order, some late, some twice. What makes the sum right all the same:

- A refund is known by its time (revocationDate), so each counts once.
- At most one of Apple's refunds is in effect: the share that Apple states is that of the whole transaction. So the
  next refund replaces the one before it, just as a reversal takes back every refund before it.
- Whatever is undone is stated under the refund's own key, whoever undid it; what has been undone stays undone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bridge.sources.base import Memory
from bridge.values.money import Basis
from bridge.values.records import Document

PRICE = "transaction.price"
REFUND, ITEM, UPGRADE = "refund", "item", "upgrade"


@dataclass(slots=True)
class Entry:
    """Money that went back. `which` names it in its idempotency key; times are epoch milliseconds.

    `kind`: Apple's refund of the transaction, its refund of one item in it (Advanced Commerce), or the unused part of
    a period that an upgrade cut short. `milliunits` is None when the amount is not known. `stated_by` and
    `undone_by` are the notifications that told of it first, so that a replay says the same again; `undone_which` is
    the reversal's name where that came first.
    """

    which: str
    kind: str
    at_ms: int
    source: str
    milliunits: int | None = None
    basis: str = Basis.EXACT
    stated_by: str = ""
    undone_by: str | None = None
    undone_which: str | None = None


@dataclass(slots=True)
class Reversal:
    """Apple took refunds back. `milliunits` is what was stated when no refund was known; `paired`: it has come."""

    at_ms: int
    milliunits: int | None = None
    paired: bool = False


class Book:
    """The entries of one transaction; every change is remembered at once."""

    def __init__(self, memory: Memory, subject: str, notification_id: str) -> None:
        known = memory.recall(subject)
        self._memory = memory
        self._subject = subject
        self._notification_id = notification_id
        self._entries = [Entry(**row) for row in known.get("given_back", [])]
        self._reversals = [Reversal(**row) for row in known.get("reversals", [])]

    def add(self, entry: Entry) -> Entry:
        """Enter what went back; the entry of the same name when there is one already."""
        known = next((known for known in self._entries if known.which == entry.which), None)
        if known is not None:
            return known
        entry.stated_by = self._notification_id
        if entry.kind != UPGRADE:
            self._pair(entry)
        self._entries.append(entry)
        self._write()
        return entry

    def reverse(self, at_ms: int, milliunits: int | None, *, sale_known: bool) -> Reversal | None:
        """Apple reversed what was refunded before `at_ms`.

        Gives the reversal when it has to be stated alone, at the price (`milliunits`): no refund is known, nor the
        sale, so neither was stated, and only the price is left to go by. When the sale is known, the refund is still
        to come and will bring its reversal along; without either the sum is right too.
        """
        known = next((known for known in self._reversals if known.at_ms == at_ms), None)
        if known is None:
            alone = not sale_known and not any(self._before(at_ms))
            known = Reversal(at_ms, milliunits if alone else None)
            self._reversals.append(known)
            self._write()
        return known if known.milliunits is not None and not known.paired else None

    def to_state(self, own: Sequence[Entry] = ()) -> Iterator[tuple[Entry, int]]:
        """What is undone, with the time, as far as it falls to this notification to state it: it is about it (`own`),
        or undid it."""
        for entry in self._entries:
            at_ms = self._undone_at(entry)
            if at_ms is None:
                continue
            if entry.undone_by is None:
                entry.undone_by = self._notification_id
                self._write()
            if entry in own or entry.undone_by == self._notification_id:
                yield entry, at_ms

    @property
    def has_refunds(self) -> bool:
        """Whether Apple has said itself what went back."""
        return any(entry.kind != UPGRADE for entry in self._entries)

    def stated_here(self, entry: Entry) -> bool:
        """Whether it was this notification that told of it first."""
        return entry.stated_by == self._notification_id

    def _undone_at(self, entry: Entry) -> int | None:
        """When it was undone; None while it is in effect."""
        refunds = [other.at_ms for other in self._entries if other.kind != UPGRADE]
        earlier_upgrades = [
            other.at_ms for other in self._entries if other.kind == UPGRADE and other.at_ms < entry.at_ms
        ]
        reversals = [reversal.at_ms for reversal in self._reversals if reversal.at_ms >= entry.at_ms]
        later_refunds = [other.at_ms for other in self._entries if other.kind == REFUND and other.at_ms > entry.at_ms]
        # An estimate gives way to any word of Apple's, and to an upgrade that came before the one it is based on.
        causes = {
            UPGRADE: refunds + earlier_upgrades,
            REFUND: reversals + later_refunds,
            ITEM: reversals,
        }[entry.kind]
        return max(min(causes), entry.at_ms) if causes else None

    def _pair(self, entry: Entry) -> None:
        """A reversal that was stated alone, before its refund: both have to be the same amount."""
        waiting = (
            known
            for known in self._reversals
            if known.milliunits is not None and not known.paired and known.at_ms >= entry.at_ms
        )
        reversal = min(waiting, key=lambda known: known.at_ms, default=None)
        if reversal is not None:
            reversal.paired = True
            if entry.milliunits != reversal.milliunits:
                entry.milliunits, entry.basis, entry.source = reversal.milliunits, Basis.ESTIMATED, PRICE
            entry.undone_which = str(reversal.at_ms)

    def _before(self, at_ms: int) -> Iterator[Entry]:
        return (entry for entry in self._entries if entry.kind != UPGRADE and entry.at_ms <= at_ms)

    def _write(self) -> None:
        self._memory.remember(
            self._subject,
            given_back=[_row(entry) for entry in self._entries] or None,
            reversals=[_row(reversal) for reversal in self._reversals] or None,
        )


def _row(entry: Any) -> Document:
    return {name: value for name, value in asdict(entry).items() if value is not None}
