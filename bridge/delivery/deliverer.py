"""What is sent to FloKit when, and what is noted in the ledger before and after.

How an event is sent once and only once, also across crashes and lost answers:

1. Before a request leaves, the ledger notes that its events may reach FloKit from now on.
2. An event of which that is known, and no 2xx, is *in doubt*. It only ever goes alone, with its Idempotency-Key: FloKit
   answers a key it has seen in the last 24 hours with the event it already has.
3. *Sent* is noted only after the 2xx.

Batches carry no key, so only events that never left before go in one, and a batch that FloKit took while its answer was
lost is the one case in which events arrive twice: FloKit gives no means against it. Hence batches only under a backlog,
and after a failure a single event first: an outage puts at most one batch in doubt. A batch that fails halves the next
one, down to single events, so that the event at fault is found; a full one that gets through doubles it again.
"""

import random
from collections.abc import Sequence

from bridge.delivery.budget import Budget
from bridge.delivery.elapsed import Elapsed
from bridge.delivery.flokit import MAX_BATCH, FlokitClient
from bridge.delivery.pause import Pause, growing_ms
from bridge.delivery.report import fields_of
from bridge.delivery.verdicts import Answer, Refused, Split, Stop, Taken, TryAgain
from bridge.ledger.base import Failure, Ledger, Refusal, SentMark
from bridge.log import Log
from bridge.values.records import Environment, Ready
from bridge.values.times import MINUTE_MS, SECOND_MS, Clock

IDLE_MS = SECOND_MS
LONGEST_EVENT_DELAY_MS = 15 * MINUTE_MS  # of one event that fails again and again while others get through
BATCH_BEYOND_MINUTES = 2  # a backlog that single events could not drain in so many minutes goes in batches


class Deliverer:
    """Delivers the events of one environment with the client that has its key. One of them at a time for a ledger."""

    def __init__(  # noqa: PLR0913  (what it works with; all but two by name)
        self,
        ledger: Ledger,
        client: FlokitClient,
        *,
        environment: Environment,
        clock: Clock,
        requests_per_minute: int,
        log: Log,
        rng: random.Random | None = None,
    ) -> None:
        self._ledger = ledger
        self._client = client
        self._environment = environment
        self._clock = clock
        self._elapsed = Elapsed(clock)
        self._log = log
        self._rng = rng or random.SystemRandom()
        self._budget = Budget(requests_per_minute)
        self._pause = Pause(self._rng)
        # No more than a window of MAX_BATCH events is ever looked at, so a larger threshold would never be passed.
        self._singles_up_to = min(BATCH_BEYOND_MINUTES * requests_per_minute, MAX_BATCH // 2)
        self._batch_size = MAX_BATCH

    def step(self) -> int:
        """Send one request if one may and need be sent. Gives how many milliseconds to wait before the next step.

        Calling earlier is always right (new events may have come) and costs little. Raises LedgerError.
        """
        elapsed_ms = self._elapsed()
        if wait_ms := max(self._pause.wait_ms(elapsed_ms), self._budget.wait_ms(elapsed_ms)):
            return wait_ms
        now_ms = self._clock()
        events = self._choose(self._ledger.ready(self._environment, now_ms, MAX_BATCH))
        if not events:
            return self._idle_ms(now_ms)
        self._deliver(events)
        return 0

    def _idle_ms(self, now_ms: int) -> int:
        due_ms = self._ledger.next_ready_ms(self._environment)
        return IDLE_MS if due_ms is None else min(max(due_ms - now_ms, 1), IDLE_MS)

    def _choose(self, window: Sequence[Ready]) -> Sequence[Ready]:
        """Of the events that are due, oldest first, those of the next request."""
        if self._pause.failures and window:
            # The one with the fewest tries: events that always fail must not keep the others waiting.
            return [min(window, key=lambda event: event.attempts)]
        never_left = [event for event in window if not event.in_doubt]
        if len(never_left) > self._singles_up_to:
            return never_left[: self._batch_size]
        return window[:1]

    def _deliver(self, events: Sequence[Ready]) -> None:
        started_ms = self._elapsed()
        self._ledger.about_to_send([event.seq for event in events], self._clock())
        answer = self._client.send(events)
        ended_ms = self._elapsed()
        self._budget.spend(ended_ms)
        self._note(events, answer, ended_ms)
        self._log(
            "delivery",
            destination="flokit",
            environment=self._environment.value,
            count=len(events),
            key=events[0].key,
            duration_ms=ended_ms - started_ms,
            **fields_of(answer),
        )

    def _note(self, events: Sequence[Ready], answer: Answer, ended_ms: int) -> None:
        match answer:
            case TryAgain():
                self._shrink_batches(events)
                self._note_failed(events, answer, self._pause.fail(ended_ms, answer.delay_ms))
            case Stop():
                self._pause.stop(ended_ms)
                self._note_not_at_fault(events, answer)
            case Split():
                self._shrink_batches(events)
                self._note_not_at_fault(events, answer)
            case verdicts:
                self._pause.end()
                self._grow_batches(events)
                self._note_settled(events, verdicts)

    def _shrink_batches(self, failed: Sequence[Ready]) -> None:
        if len(failed) > 1:
            self._batch_size = len(failed) // 2

    def _grow_batches(self, settled: Sequence[Ready]) -> None:
        if len(settled) == self._batch_size:
            self._batch_size = min(self._batch_size * 2, MAX_BATCH)

    def _note_settled(self, events: Sequence[Ready], verdicts: Sequence[Taken | Refused]) -> None:
        pairs = list(zip(events, verdicts, strict=True))
        sent = [SentMark(event.seq, v.event_id) for event, v in pairs if isinstance(v, Taken)]
        refused = [Refusal(event.seq, v.status, v.reason) for event, v in pairs if isinstance(v, Refused)]
        self._ledger.mark(sent, refused, [], self._clock())

    def _note_failed(self, events: Sequence[Ready], answer: TryAgain, pause_ms: int) -> None:
        now_ms = self._clock()
        failed = [
            Failure(event.seq, answer.status, answer.reason, now_ms + self._delay_ms(event, pause_ms), answer.in_doubt)
            for event in events
        ]
        self._ledger.mark([], [], failed, now_ms)

    def _note_not_at_fault(self, events: Sequence[Ready], answer: Stop | Split) -> None:
        now_ms = self._clock()
        failed = [Failure(event.seq, answer.status, answer.reason, now_ms, in_doubt=False) for event in events]
        self._ledger.mark([], [], failed, now_ms)

    def _delay_ms(self, event: Ready, pause_ms: int) -> int:
        return max(pause_ms, growing_ms(event.attempts + 1, LONGEST_EVENT_DELAY_MS, self._rng))
