"""The book of what was given back of one payment, kept in the ledger's memory.

One refund may be told of twice, by words that share no id: `refund.created` names the refund, `charge.refunded` names
a step of the cumulative amount ("from 0 to 500"). Two such tellings are one refund when payment and amount agree and
neither has been matched yet. Whichever came first gave the refund its key and its sale, so the other one gets the same
key and counts for nothing new. That holds in any order, for any number of repeats, and when either kind never comes:
of refunds of one amount the book then has as many as the kind that told of more, never one too many. Which of them is
matched with which does not matter, for they are worth the same.
"""

from dataclasses import asdict, dataclass
from typing import Any

from bridge.sources.base import Memory


@dataclass(slots=True)
class Entry:
    """One refund or dispute.

    `which` names it in its idempotency key and `sale` is the transaction it takes back; both stay as first stated,
    even when the sale's invoice becomes known later. `units` are minor units, `step_at` and `undone_at` epoch seconds.
    """

    which: str
    sale: str
    units: int
    refund: str | None = None
    step: str | None = None
    step_at: int = 0
    undone_at: int | None = None


class Book:
    """The entries of one payment; every change is remembered at once."""

    def __init__(self, memory: Memory, payment: str) -> None:
        self._memory = memory
        self._payment = payment
        rows: list[dict[str, Any]] = memory.recall(payment).get("given_back", [])
        self._entries = [Entry(**row) for row in rows]

    def refund(self, refund: str, units: int, sale: str) -> Entry:
        """The entry of a refund that is named."""
        entry = next((entry for entry in self._entries if entry.refund == refund), None)
        if entry is None:
            unmatched = (entry for entry in self._entries if entry.step and not entry.refund and entry.units == units)
            entry = next(unmatched, None) or self._add(Entry(refund, sale, units))
            entry.refund = refund
            self._write()
        return entry

    def step(self, charge: str, before: int, total: int, created: int, sale: str) -> Entry:
        """The entry of a step from one cumulative amount to the next, stated at `created` (epoch seconds)."""
        name, units = f"{before}-{total}", total - before
        same_name = [entry for entry in self._entries if entry.step == name]
        entry = next((entry for entry in same_name if not self._fell_back(entry.step_at, created)), None)
        if entry is None:
            unmatched = (entry for entry in self._entries if entry.refund and not entry.step and entry.units == units)
            suffix = f"-{len(same_name) + 1}" if same_name else ""
            entry = next(unmatched, None) or self._add(Entry(f"{charge}-{name}{suffix}", sale, units))
            entry.step, entry.step_at = name, created
            self._write()
        return entry

    def _fell_back(self, one: int, other: int) -> bool:
        """Whether a refund failed between two moments: the cumulative amount then fell, so that the next refund may
        make a step that there has been before."""
        first, last = sorted((one, other))
        return any(entry.undone_at is not None and first <= entry.undone_at < last for entry in self._entries)

    def dispute(self, dispute: str, sale: str) -> Entry:
        """The entry of a dispute: it only fixes the sale."""
        entry = next((entry for entry in self._entries if entry.which == dispute), None)
        if entry is None:
            entry = self._add(Entry(dispute, sale, 0))
            self._write()
        return entry

    def undo(self, entry: Entry, at: int) -> None:
        """The refund failed or was cancelled, at epoch seconds `at` or, as an earlier notification says, before."""
        if entry.undone_at is None or at < entry.undone_at:
            entry.undone_at = at
            self._write()

    def known_before(self, total: int) -> int:
        """How much of a cumulative amount is in the book already, at most all of it."""
        return min(total, sum(entry.units for entry in self._entries if entry.undone_at is None))

    def _add(self, entry: Entry) -> Entry:
        self._entries.append(entry)
        return entry

    def _write(self) -> None:
        rows = [{name: value for name, value in asdict(entry).items() if value is not None} for entry in self._entries]
        self._memory.remember(self._payment, given_back=rows)
