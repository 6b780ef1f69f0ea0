"""The ledger in one DynamoDB table, for functions that run side by side. Threads may share one DynamoLedger."""

import os
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bridge.aws.client import AwsClient, service_client
from bridge.aws.credentials import FindCredentials, from_environment
from bridge.aws.errors import AwsError
from bridge.errors import LedgerError
from bridge.ledger import (
    dynamodb_delivery,
    dynamodb_housekeeping,
    dynamodb_keys,
    dynamodb_notifications,
    dynamodb_settle,
    dynamodb_status,
    dynamodb_views,
)
from bridge.ledger.base import Failure, LedgerStatus, MemoryChange, Refusal, Remembered, SentMark, Settlement
from bridge.ledger.dynamodb_counts import note_source
from bridge.ledger.dynamodb_items import unpacked
from bridge.ledger.dynamodb_table import Table, put
from bridge.ledger.views import Entered, Kept
from bridge.values.records import Batch, Environment, Notification, Outcome, Pending, Ready

TRIES = 6  # of a call that DynamoDB holds back, or that meets another function's


def open_ledger(
    url: str, environment: Mapping[str, str] = os.environ, *, credentials: FindCredentials = from_environment
) -> "DynamoLedger":
    """The ledger that BRIDGE_LEDGER names: `dynamodb://table`, or `dynamodb://table?region=eu-central-1`.

    Raises LedgerError without a region. Whether the table is there shows when it is used.
    """
    parts = urlsplit(url)
    region = parse_qs(parts.query).get("region", [""])[0]
    try:
        client = service_client("dynamodb", environment, region=region, credentials=credentials, tries=TRIES)
    except AwsError as error:
        raise LedgerError(f"ledger {url[:200]}: {error}, or write dynamodb://{parts.netloc}?region=…") from None
    return DynamoLedger(client, parts.netloc)


class DynamoLedger:
    """The `PeoplesLedger` of bridge.ledger.people in one table.

    Several functions may map at once: one of them settles a notification. One at a time delivers for an environment,
    under a lease (bridge/ledger/dynamodb_lease.py).
    """

    def __init__(self, client: AwsClient, name: str) -> None:
        self.table = Table(client, name)
        self._client = client
        self._noted: set[str] = set()

    def close(self) -> None:
        self.table.close()

    def warm_up(self) -> None:
        """Open a connection ahead of its use; never raises."""
        self._client.warm_up()

    def writable(self) -> None:
        self.table.write(put({}, ("writable", "writable")))

    def worker_lock(self) -> None:
        """No command maps or delivers for this ledger: the functions do, within a minute."""

    # Notifications

    def keep(self, notifications: Sequence[Notification]) -> list[bool]:
        for source in {one.source for one in notifications} - self._noted:
            note_source(self.table, source)
            self._noted.add(source)
        return dynamodb_notifications.keep(self.table, notifications)

    def pending(self, source: str, now_ms: int, limit: int) -> list[Pending]:
        return dynamodb_notifications.pending(self.table, source, now_ms, limit)

    def next_due_ms(self, source: str) -> int | None:
        return dynamodb_notifications.soonest_ms(self.table, dynamodb_keys.pending(source))

    def recall(self, subject: str) -> Remembered:
        item = self.table.get(dynamodb_keys.memory(subject))
        return Remembered(unpacked(item["document"]), item["version"]) if item else Remembered({}, 0)

    def settle(self, settlements: Sequence[Settlement], memories: Mapping[str, MemoryChange], now_ms: int) -> None:
        dynamodb_settle.settle(self.table, settlements, memories, now_ms)

    def postpone(self, seq: int, reason: str, due_ms: int, answers: Mapping[str, Any] | None = None) -> None:
        dynamodb_notifications.postpone(self.table, seq, reason, due_ms, answers)

    def reopen(self, seqs: Sequence[int]) -> int:
        return dynamodb_notifications.reopen(self.table, seqs)

    # Events

    def ready(self, environment: Environment, now_ms: int, limit: int) -> list[Ready]:
        return dynamodb_delivery.ready(self.table, environment, now_ms, limit)

    def backlog(self, environment: Environment, now_ms: int) -> int:
        return dynamodb_delivery.backlog(self.table, environment, now_ms)

    def batchable(self, environment: Environment, now_ms: int, limit: int) -> int:
        return dynamodb_delivery.batchable(self.table, environment, now_ms, limit)

    def batch(self, environment: Environment, now_ms: int, limit: int) -> Batch:
        return dynamodb_delivery.batch(self.table, environment, now_ms, limit)

    def next_ready_ms(self, environment: Environment) -> int | None:
        return dynamodb_notifications.soonest_ms(self.table, dynamodb_keys.ready(environment.value))

    def about_to_send(self, seqs: Sequence[int], now_ms: int) -> None:
        dynamodb_delivery.about_to_send(self.table, seqs, now_ms)

    def mark(
        self, sent: Sequence[SentMark], refused: Sequence[Refusal], failed: Sequence[Failure], now_ms: int
    ) -> None:
        dynamodb_delivery.mark(self.table, sent, refused, failed, now_ms)

    def mark_batch(self, seqs: Sequence[int], event_ids: Sequence[str], now_ms: int) -> None:
        dynamodb_delivery.mark_batch(self.table, seqs, event_ids, now_ms)

    # Growth

    def forget_bodies(self, before_ms: int, limit: int) -> int:
        return dynamodb_housekeeping.forget_bodies(self.table, before_ms, limit)

    # For people

    def status(self, now_ms: int) -> LedgerStatus:
        return dynamodb_status.status(self.table, now_ms)

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
        wanted = dynamodb_views.Wanted(source, types, outcomes, since_ms, until_ms)
        return list(islice(dynamodb_views.find(self.table, wanted), limit))

    def waiting(self, limit: int) -> list[int]:
        return dynamodb_views.waiting(self.table, limit)

    def seq_of(self, source: str, id_: str) -> int | None:
        return dynamodb_views.seq_of(self.table, source, id_)

    def kept(self, seq: int) -> Kept | None:
        return dynamodb_views.kept(self.table, seq)

    def dead(self, limit: int) -> list[Entered]:
        return dynamodb_views.dead(self.table, limit)

    def entered(self, environment: Environment, keys: Sequence[str]) -> Mapping[str, Entered]:
        return dynamodb_views.entered(self.table, environment, keys)
