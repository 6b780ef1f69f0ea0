"""The function that takes the webhooks of one source in: prove, one durable write to the queue, answer 200.

The ledger comes after the queue and never before it: a webhook that the ledger knew of while the queue had failed would
be answered as a duplicate when it came again, and be lost.
"""

import time
from collections.abc import Callable, Sequence

from bridge.answers import Answer, error_answer, kept_answer, refusal_answer
from bridge.aws.gateway import HttpAnswer, HttpEvent, answer_of, body_of, headers_of
from bridge.errors import NeedsKeys, Refused
from bridge.log import Log
from bridge.sources.base import Receiver
from bridge.taking import log_refused, log_taken, not_configured_message, only_refusals
from bridge.values.records import Notification
from bridge.values.times import Clock

Keep = Callable[[Notification], object]


class Ingest:
    """Answers the HTTP API's requests for one source. Whatever the input, the status is 200, 4xx or 503."""

    def __init__(self, receiver: Receiver, keep: Keep, log: Log, clock: Clock) -> None:
        """`keep` writes a notification for good, or raises CannotTell."""
        self._receiver = receiver
        self._keep = keep
        self._log = log
        self._clock = clock

    def __call__(self, event: HttpEvent, _context: object) -> HttpAnswer:
        """Answer one webhook."""
        began_ns = time.perf_counter_ns()
        try:
            answer, known = self._take(event)
        except Refused as refusal:
            answer, known = refusal_answer(refusal), log_refused(refusal)
        duration_ms = (time.perf_counter_ns() - began_ns) // 1_000_000
        self._log("webhook", source=self._receiver.name, status=answer.status, **known, duration_ms=duration_ms)
        return answer_of(answer)

    def _take(self, event: HttpEvent) -> tuple[Answer, dict[str, object]]:
        with only_refusals(self._receiver.name, self._log):
            notification = self._proven(headers_of(event), body_of(event))
            self._keep(notification)
        return kept_answer(True, notification.hint), log_taken(notification, "accepted")

    def _proven(self, headers: dict[str, str], body: bytes) -> Notification:
        try:
            return self._receiver.verify(headers, body, self._clock())
        except NeedsKeys as need:
            need.fetch()
        return self._receiver.verify(headers, body, self._clock())


def not_configured(settings: Sequence[str]) -> Callable[[HttpEvent, object], HttpAnswer]:
    """What answers for a source without its settings, which it names."""
    answer = answer_of(error_answer(404, "not_configured", not_configured_message(settings)))
    return lambda _event, _context: answer
