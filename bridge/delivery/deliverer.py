"""What is sent to FloKit when, and what is noted in the ledger before and after.

How an event is sent once and only once, also across crashes and lost answers:

1. Before a request leaves, the ledger notes that its events may reach FloKit from now on.
2. An event of which that is known, and no 2xx, is *in doubt*. It only ever goes alone, with its Idempotency-Key: FloKit
   answers a key it has seen in the last 24 hours with the event it already has.
3. *Sent* is noted only after the 2xx.

Batches carry no key, so only events that never left before go in one, and only under a backlog. What FloKit took of a
batch while the answer was lost arrives twice, when it goes again alone: FloKit gives no means against it. That window
is open from the note before a batch leaves until the note after its answer. After a failure a single event goes first,
so an outage puts at most one batch in doubt, and so does a kill. The ledger names each event that may have arrived
twice, for good. A batch that fails halves the next one, down to single events, so that the event at fault is found; a
full one that gets through doubles it again.

The pause after failures and the size of batches are kept in the ledger (standing.py), so they outlive a process.
"""

import random
from collections.abc import Sequence

from bridge.delivery.batching import singles_up_to
from bridge.delivery.budget import Budget
from bridge.delivery.elapsed import Elapsed
from bridge.delivery.flokit import MAX_BATCH, FlokitClient
from bridge.delivery.pause import STOPPED_MS, growing_ms, pause_ms
from bridge.delivery.report import fields_of
from bridge.delivery.standing import KeptStanding, Standing
from bridge.delivery.verdicts import AllTaken, Answer, Refused, Split, Stop, Taken, TryAgain
from bridge.ledger.base import Failure, Ledger, Refusal, SentMark
from bridge.log import Log
from bridge.values.records import Batch, Environment, Ready
from bridge.values.times import MINUTE_MS, SECOND_MS, Clock

IDLE_MS = SECOND_MS
LONGEST_EVENT_DELAY_MS = 15 * MINUTE_MS  # of one event that fails again and again while others get through
WINDOW = MAX_BATCH  # events that are looked through, after a failure, for the one to try next


class Deliverer:
    """Delivers the events of one environment with the client that has its key.

    In one process there is one of them for a ledger. Functions that run side by side have one each, and share the
    budget and the ledger.
    """

    def __init__(  # noqa: PLR0913  (what it works with; all but two by name)
        self,
        ledger: Ledger,
        client: FlokitClient,
        *,
        environment: Environment,
        clock: Clock,
        budget: Budget,
        requests_per_minute: int,
        log: Log,
        rng: random.Random | None = None,
    ) -> None:
        """`requests_per_minute` is what `budget` allows: it decides when a backlog is too large for single events."""
        self._ledger = ledger
        self._client = client
        self._environment = environment
        self._clock = clock
        self._elapsed = Elapsed(clock)
        self._budget = budget
        self._log = log
        self._rng = rng or random.SystemRandom()
        self._kept_standing = KeptStanding(ledger, environment)
        self._standing = Standing()
        self._stopped_until_ms = 0
        self._singles_up_to = singles_up_to(requests_per_minute)

    def step(self) -> int:
        """Send one request if one may and need be sent. Gives how many milliseconds to wait before the next step.

        Calling earlier is always right (new events may have come) and costs little. Raises LedgerError.
        """
        if wait_ms := self._wait_ms():
            return wait_ms
        now_ms = self._clock()
        parcel = self._choose(now_ms)
        if parcel is None:
            return self._idle_ms(now_ms)
        if not self._budget.take():
            return max(self._budget.wait_ms(), 1)
        self._deliver(parcel)
        return 0

    def _wait_ms(self) -> int:
        if wait_ms := max(self._stopped_until_ms - self._elapsed(), self._budget.wait_ms(), 0):
            return wait_ms
        self._standing = self._kept_standing.read()
        return self._standing.wait_ms(self._clock())

    def _idle_ms(self, now_ms: int) -> int:
        due_ms = self._ledger.next_ready_ms(self._environment)
        return IDLE_MS if due_ms is None else min(max(due_ms - now_ms, 1), IDLE_MS)

    def _choose(self, now_ms: int) -> Ready | Batch | None:
        """What goes in the next request: of the events that are due, those that happened first."""
        if self._standing.failures or self._stopped_until_ms:
            # The one with the fewest tries: events that always fail must not keep the others waiting.
            window = self._ledger.ready(self._environment, now_ms, WINDOW)
            return min(window, key=lambda event: event.attempts, default=None)
        if self._standing.batch_size > 1 and self._is_backlog(now_ms):
            return self._ledger.batch(self._environment, now_ms, self._standing.batch_size)
        return next(iter(self._ledger.ready(self._environment, now_ms, 1)), None)

    def _is_backlog(self, now_ms: int) -> bool:
        return self._ledger.batchable(self._environment, now_ms, self._singles_up_to + 1) > self._singles_up_to

    def _deliver(self, parcel: Ready | Batch) -> None:
        started_ms = self._elapsed()
        seqs = seqs_of(parcel)
        self._ledger.about_to_send(seqs, self._clock())
        answer = self._client.send(parcel)
        self._budget.answered()
        self._note(parcel, answer)
        self._log(
            "delivery",
            destination="flokit",
            environment=self._environment.value,
            count=len(seqs),
            key=parcel.key,
            duration_ms=self._elapsed() - started_ms,
            **fields_of(answer),
        )

    def _note(self, parcel: Ready | Batch, answer: Answer) -> None:
        now_ms = self._clock()
        standing, count = self._standing, len(seqs_of(parcel))
        match answer:
            case TryAgain():
                length_ms = pause_ms(standing.failures + 1, answer.delay_ms, self._rng)
                self._note_failed(parcel, answer, self._delay_ms(parcel, length_ms), now_ms)
                standing = standing.after_failure(answer, now_ms, length_ms).with_smaller_batches(count)
            case Stop():
                self._stopped_until_ms = self._elapsed() + STOPPED_MS
                self._note_failed(parcel, answer, 0, now_ms)
                standing = standing.after_stop(answer)
            case Split():
                self._note_failed(parcel, answer, 0, now_ms)
                standing = standing.with_smaller_batches(count)
            case AllTaken() | list():
                self._stopped_until_ms = 0
                self._note_settled(seqs_of(parcel), answer, now_ms)
                standing = standing.after_success().with_larger_batches(count)
        self._kept_standing.write(standing, now_ms)

    def _note_settled(self, seqs: Sequence[int], answer: AllTaken | list[Taken | Refused], now_ms: int) -> None:
        if isinstance(answer, AllTaken):
            self._ledger.mark_batch(seqs, answer.event_ids, now_ms)
            return
        pairs = list(zip(seqs, answer, strict=True))
        sent = [SentMark(seq, v.event_id) for seq, v in pairs if isinstance(v, Taken)]
        refused = [Refusal(seq, v.status, v.reason) for seq, v in pairs if isinstance(v, Refused)]
        self._ledger.mark(sent, refused, [], now_ms)

    def _note_failed(self, parcel: Ready | Batch, answer: TryAgain | Stop | Split, delay_ms: int, now_ms: int) -> None:
        in_doubt = isinstance(answer, TryAgain) and answer.in_doubt
        due_ms = now_ms + delay_ms
        failed = [Failure(seq, answer.status, answer.reason, due_ms, in_doubt) for seq in seqs_of(parcel)]
        self._ledger.mark([], [], failed, now_ms)

    def _delay_ms(self, parcel: Ready | Batch, pause_ms: int) -> int:
        if isinstance(parcel, Batch):
            return pause_ms
        return max(pause_ms, growing_ms(parcel.attempts + 1, LONGEST_EVENT_DELAY_MS, self._rng))


def seqs_of(parcel: Ready | Batch) -> Sequence[int]:
    """The events of a request."""
    return parcel.seqs if isinstance(parcel, Batch) else [parcel.seq]
