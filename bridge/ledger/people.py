"""What commands for people ask of a ledger beside what the bridge does."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from bridge.ledger.base import Ledger
from bridge.ledger.views import Entered, Kept
from bridge.values.records import Outcome


class PeoplesLedger(Ledger, Protocol):
    """A ledger that can also be looked into. Every method raises LedgerError."""

    def find(  # noqa: PLR0913 - the filters of `bridge replay`, each by its name
        self,
        *,
        source: str | None = None,
        types: Sequence[str] | None = None,
        outcomes: Sequence[Outcome] | None = None,
        since_ms: int | None = None,
        until_ms: int | None = None,
        limit: int = 1_000_000,
    ) -> list[int]:
        """The seqs of kept notifications, oldest first, that fit all that is given (None: any).

        `since_ms` (inclusive) and `until_ms` (exclusive) bound the time of reception, epoch milliseconds.
        """

    def waiting(self, limit: int) -> list[int]:
        """The seqs of notifications that wait for a look-up, those first that happened first."""

    def seq_of(self, source: str, id_: str) -> int | None:
        """The seq of the notification to which its source gave this id; None when it is not kept."""

    def kept(self, seq: int) -> Kept | None:
        """A kept notification with what became of it; None when there is none of this seq."""

    def dead(self, limit: int) -> list[Entered]:
        """The newest of the events that FloKit refused."""

    def worker_lock(self) -> AbstractContextManager[object] | None:
        """The right to map and deliver for this ledger, or None while it is in other hands."""
