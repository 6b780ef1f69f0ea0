"""The two functions behind the queue: one keeps what the queue hands over, and both go on to map and deliver."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from bridge.aws.errors import AwsError
from bridge.aws.messages import FetchObject, NotOurs, unpack
from bridge.aws.shift import RESERVE_MS, Shift, TimeLeft
from bridge.errors import BridgeError
from bridge.ledger.base import Ledger
from bridge.log import Log
from bridge.taking import log_not_kept
from bridge.values.records import Notification
from bridge.values.times import DAY_MS, MINUTE_MS, Clock

BODIES_AT_ONCE = 100

Message = tuple[str, Notification]
"""A message's id, and the notification in it."""


class Context(Protocol):
    """What Lambda says of an invocation."""

    def get_remaining_time_in_millis(self) -> int:
        """How long until the function is ended."""


class Process:
    """Takes batches of the queue. A message is done with when its notification is kept: all else starts from there.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """

    def __init__(self, ledger: Ledger, fetch: FetchObject, shift: Shift, log: Log) -> None:
        """`fetch` gives a body that was too large for a message."""
        self._ledger = ledger
        self._fetch = fetch
        self._shift = shift
        self._log = log

    def __call__(self, event: Mapping[str, Any], context: Context) -> dict[str, Any]:
        """Keep a batch, work on it, and name the messages that have to come again."""
        ids = [record["messageId"] for record in event["Records"]]
        kept = self._keep(list(self._read(event["Records"])), context.get_remaining_time_in_millis)
        self._shift.work(context.get_remaining_time_in_millis)
        return {"batchItemFailures": [{"itemIdentifier": one} for one in ids if one not in kept]}

    def _read(self, records: Sequence[Mapping[str, Any]]) -> Iterator[Message]:
        """The messages that can be read; the others come again, and in the end lie with the dead letters."""
        for record in records:
            try:
                yield record["messageId"], unpack(record["body"], self._fetch)
            except (NotOurs, AwsError) as error:
                self._log("message_unreadable", level="error", message_id=record["messageId"], message=str(error))

    def _keep(self, messages: Sequence[Message], time_left_ms: TimeLeft) -> set[str]:
        """Keep them in one write or, when one of them cannot be kept, one by one. Gives the ids of those that are."""
        if self._is_kept(messages):
            return {one for one, _ in messages}
        return {
            message[0]
            for message in messages
            if len(messages) > 1 and time_left_ms() > RESERVE_MS and self._is_kept([message])
        }

    def _is_kept(self, messages: Sequence[Message]) -> bool:
        try:
            self._ledger.keep([notification for _, notification in messages])
        except Exception as error:  # noqa: BLE001 - whatever it is, these messages come again
            log_not_kept(error, self._log)
            return False
        return True


class Schedule:
    """Called every minute for what waits (for an answer, the end of a pause, its place in FloKit's budget), and every
    hour, with `{"work": "hour"}`, to forget old bodies."""

    def __init__(self, shift: Shift, ledger: Ledger, keep_bodies_days: int, log: Log, clock: Clock) -> None:
        """`keep_bodies_days` is how long bodies are kept; 0 keeps them for ever."""
        self._shift = shift
        self._ledger = ledger
        self._keep_bodies_days = keep_bodies_days
        self._log = log
        self._clock = clock

    def __call__(self, event: Mapping[str, Any], context: Context) -> None:
        """Work. Raises Faulty and LedgerError, so that Lambda counts an error and an alarm rings."""
        if event.get("work") == "hour":
            self._forget_bodies(context.get_remaining_time_in_millis)
        else:
            self._work(context.get_remaining_time_in_millis)

    def _forget_bodies(self, time_left_ms: TimeLeft) -> None:
        before_ms = self._clock() - self._keep_bodies_days * DAY_MS
        forgotten = 0
        while self._keep_bodies_days and time_left_ms() > RESERVE_MS:
            some = self._ledger.forget_bodies(before_ms, BODIES_AT_ONCE)
            forgotten += some
            if not some:
                break
        self._log("housekeeping", bodies_forgotten=forgotten)

    def _work(self, time_left_ms: TimeLeft) -> None:
        faults = self._shift.work(time_left_ms)
        now_ms = self._clock()
        oldest_ms = min((one.oldest_entered_ms for one in self._ledger.status(now_ms).backlog.values()), default=now_ms)
        # What the alarm "undelivered" reads.
        self._log("undelivered", oldest_minutes=max(now_ms - oldest_ms, 0) // MINUTE_MS)
        if faults:
            raise Faulty(f"{faults} of the jobs met a fault, which the log tells of")


class Faulty(BridgeError):
    """Something is to be mended: without that the same faults come back every minute."""
