"""What the ledger remembers of a subscription: its newest periods. They tell what a transaction alone does not say:
whether a trial went before it, and which period an upgrade cut short.

Any notification teaches the period that it shows, so that a lost or late one leaves no gap, and what is decided does
not depend on the order of arrival.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from bridge.sources.apple.transactions import Transaction
from bridge.sources.base import Memory
from bridge.values.records import Document
from bridge.values.times import HOUR_MS

MAX_PERIODS = 24  # half a year of weeks, two years of months; older ones decide nothing
SAME_MOMENT_MS = HOUR_MS  # a period begins where the one before it ends, give or take


@dataclass(slots=True)
class Period:
    """One paid or free period. `cuts` says that it began at once, and cut the one before it short."""

    id: str
    at_ms: int
    until_ms: int | None = None
    product: str | None = None
    milliunits: int | None = None
    currency: str | None = None
    is_trial: bool = False
    cuts: bool = False


class Periods:
    """The remembered periods of one subscription; `subject` is where the ledger keeps them."""

    def __init__(self, memory: Memory, subject: str) -> None:
        self._memory = memory
        self._subject = subject
        self._periods = [Period(**row) for row in memory.recall(subject).get("periods", [])]

    def learn(self, transaction: Transaction, *, cuts: bool = False) -> None:
        """Remember the period of a transaction. A later word on it may lengthen it, and fills in what was missing."""
        if not transaction.recurring or transaction.is_family:
            return
        period = self._period(transaction)
        ends = [end for end in (period.until_ms, transaction.until_ms) if end is not None]
        period.until_ms = max(ends, default=None)
        period.cuts = period.cuts or cuts
        self._periods = sorted(self._periods, key=lambda known: known.at_ms)[-MAX_PERIODS:]
        self._memory.remember(self._subject, periods=[_row(known) for known in self._periods])

    def before(self, ident: str, at_ms: int) -> Period | None:
        """The period before the one of this transaction, which began at `at_ms`."""
        earlier = [known for known in self._periods if known.at_ms < at_ms and known.id != ident]
        return max(earlier, key=lambda known: known.at_ms, default=None)

    def follows_trial(self, transaction: Transaction, *, recovered: bool) -> str:
        """`yes`, `no`, or `unknown` when nothing is known of the time before.

        `recovered`: the payment came late, so there may be a gap. Without one the period begins where the trial ends,
        or earlier, when a paid plan cut the trial short.
        """
        before = self.before(transaction.id, transaction.at_ms)
        if before is None:
            return "no" if transaction.is_first else "unknown"
        if not before.is_trial:
            return "no"
        at_once = before.until_ms is None or transaction.at_ms <= before.until_ms + SAME_MOMENT_MS
        return "yes" if recovered or at_once else "no"

    def cut_short(self) -> Iterator[tuple[Period, Period]]:
        """Each paid period that was cut short, with the one that cut it."""
        for new in self._periods:
            old = self.before(new.id, new.at_ms) if new.cuts else None
            if old and old.milliunits and old.until_ms is not None and old.at_ms < new.at_ms < old.until_ms:
                yield old, new

    def _period(self, transaction: Transaction) -> Period:
        known = next((known for known in self._periods if known.id == transaction.id), None)
        if known is None:
            known = Period(transaction.id, transaction.at_ms)
            self._periods.append(known)
        known.product = known.product or transaction.product
        known.is_trial = known.is_trial or transaction.is_trial
        if known.milliunits is None:
            known.milliunits, known.currency = transaction.milliunits, transaction.currency
        return known


def _row(period: Period) -> Document:
    return {name: value for name, value in asdict(period).items() if value is not None}
