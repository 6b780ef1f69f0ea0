"""How delivery stands after its last request: failures in a row, the pause after them, the size of the next batch.

Kept in the ledger's memory, because it must outlive a process, and where functions run side by side it must hold for
all of them: a FloKit that asked for an hour of rest is left alone for that hour, whoever sends next.
"""

from dataclasses import asdict, dataclass, fields, replace

from bridge.delivery.flokit import MAX_BATCH
from bridge.delivery.verdicts import Stop, TryAgain
from bridge.ledger.base import Conflict, Ledger, MemoryChange
from bridge.values.records import Document, Environment


@dataclass(frozen=True, slots=True)
class Standing:
    """`paused_at_ms` is epoch milliseconds; the pause lasts `pause_ms` from then.

    `status`, `reason` and `stopped` tell people what the last failure was; nothing is decided by them. A stop pauses
    the process that met it and no other, for a person mends the key and starts the bridge again.
    """

    failures: int = 0
    paused_at_ms: int = 0
    pause_ms: int = 0
    batch_size: int = MAX_BATCH
    status: int | None = None
    reason: str = ""
    stopped: bool = False

    def wait_ms(self, now_ms: int) -> int:
        """How long the pause still lasts; 0 when there is none.

        A clock that was set back behind its beginning ends it, so that it never lasts longer than it was meant to.
        """
        passed_ms = now_ms - self.paused_at_ms
        return max(self.pause_ms - passed_ms, 0) if passed_ms >= 0 else 0

    def after_failure(self, answer: TryAgain, now_ms: int, pause_ms: int) -> "Standing":
        """One more failure, with the pause that follows it."""
        return replace(
            self,
            failures=self.failures + 1,
            paused_at_ms=now_ms,
            pause_ms=pause_ms,
            status=answer.status,
            reason=answer.reason,
            stopped=False,
        )

    def after_stop(self, answer: Stop) -> "Standing":
        """Only a person can help."""
        return replace(self, status=answer.status, reason=answer.reason, stopped=True)

    def after_success(self) -> "Standing":
        """The failures have an end."""
        return Standing(batch_size=self.batch_size)

    def with_smaller_batches(self, failed: int) -> "Standing":
        """A request with so many events failed as a whole: half of them at the next try."""
        return replace(self, batch_size=failed // 2) if failed > 1 else self

    def with_larger_batches(self, settled: int) -> "Standing":
        """A request with so many events got through: twice as many if it was a full batch."""
        if settled != self.batch_size:
            return self
        return replace(self, batch_size=min(self.batch_size * 2, MAX_BATCH))


class KeptStanding:
    """The standing of one environment in a ledger. Every method raises LedgerError."""

    def __init__(self, ledger: Ledger, environment: Environment) -> None:
        self._ledger = ledger
        self._subject = subject(environment)
        self._version = 0
        self._standing = Standing()

    def read(self) -> Standing:
        """As it stands now."""
        remembered = self._ledger.recall(self._subject)
        self._version = remembered.version
        self._standing = standing_of(remembered.document)
        return self._standing

    def write(self, standing: Standing, now_ms: int) -> None:
        """Keep it, if it is not the one that was read. Where another sender was faster, its word stands."""
        if standing == self._standing:
            return
        change = MemoryChange(asdict(standing), self._version)
        try:
            self._ledger.settle([], {self._subject: change}, now_ms)
        except Conflict:
            return
        self._standing, self._version = standing, self._version + 1


def subject(environment: Environment) -> str:
    """Under which name the ledger remembers it."""
    return f"bridge:delivery:{environment.value}"


def standing_of(document: Document) -> Standing:
    """What the ledger remembers; words of a later version of the program are passed over."""
    names = {field.name for field in fields(Standing)}
    return Standing(**{name: value for name, value in document.items() if name in names})
