"""The DynamoDB ledger against an emulator: the contract of every ledger, and what only this one must do."""

from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from random import Random

import pytest
from dynamodb_rig import Dynamo, dynamo, table
from ledger_contract import LIVE, NOW_MS, LedgerContract, enter, event, mapped, notification, pending_ids, ready
from test_aws_client import endpoint

from bridge.errors import LedgerError
from bridge.ledger.base import Conflict, Failure, MemoryChange, Refusal, Remembered, SentMark, Settlement
from bridge.ledger.dynamodb import DynamoLedger, open_ledger
from bridge.ledger.dynamodb_items import MAX_PACKED_BYTES
from bridge.ledger.dynamodb_table import MAX_WRITES, Table
from bridge.values.records import Finding, Outcome
from bridge.values.times import DAY_MS

__all__ = ["dynamo", "table"]

LARGEST = Random(7).randbytes(1 << 20)  # of the webhooks that are taken; and it cannot be compressed


@pytest.fixture
def ledger(dynamo: Dynamo, table: str) -> Iterator[DynamoLedger]:
    with dynamo.opened(table) as ledger:
        yield ledger


class TestDynamoLedger(LedgerContract):
    @pytest.fixture
    def ledger(self, dynamo: Dynamo, table: str) -> Iterator[DynamoLedger]:
        self._dynamo, self._table = dynamo, table
        with ExitStack() as self._opened:
            yield self.again()

    def again(self) -> DynamoLedger:
        return self._opened.enter_context(self._dynamo.opened(self._table))


def settle(ledger: DynamoLedger, *findings: Finding, id_: str = "evt_1") -> int:
    """Keep one notification and let it become this; gives its seq."""
    ledger.keep([notification(id_)])
    (one,) = [one for one in ledger.pending("stripe", NOW_MS, 100) if one.notification.id == id_]
    ledger.settle([Settlement(one.seq, findings)], {}, NOW_MS)
    return one.seq


# What has no place in one item, or one transaction


def test_the_largest_body_comes_back_as_it_was_and_goes_as_a_whole(ledger: DynamoLedger) -> None:
    ledger.keep([notification(f"evt_{number}", body=LARGEST) for number in range(3)])
    found = ledger.pending("stripe", NOW_MS, 10)
    assert [one.notification.body for one in found] == [LARGEST] * 3
    ledger.settle([Settlement(one.seq, []) for one in found], {}, NOW_MS)
    assert ledger.forget_bodies(NOW_MS + 1, 10) == 3
    forgotten = ledger.kept(found[0].seq)
    assert forgotten is not None
    assert (forgotten.forgotten, forgotten.pending.notification.body) == (True, b"")
    assert ledger.table.get_many([(f"notification#{found[0].seq}", f"body.{part:03d}") for part in range(9)]) == {}


def test_many_notifications_are_kept_at_once(ledger: DynamoLedger) -> None:
    assert ledger.keep([notification(f"evt_{number % 90}") for number in range(100)]) == [True] * 90 + [False] * 10
    assert len(pending_ids(ledger)) == 90


def test_settlements_that_are_too_much_for_one_transaction_are_to_be_settled_one_by_one(ledger: DynamoLedger) -> None:
    ledger.keep([notification(f"evt_{number}") for number in range(40)])
    found = ledger.pending("stripe", NOW_MS, 40)
    settlements = [Settlement(one.seq, [mapped(event(f"in_{one.seq}"))]) for one in found]
    with pytest.raises(Conflict):
        ledger.settle(settlements, {}, NOW_MS)
    assert ready(ledger) == []
    for one in settlements:
        ledger.settle([one], {}, NOW_MS)
    assert len(ready(ledger)) == 40


def test_a_single_settlement_may_have_any_number_of_events_and_memories(ledger: DynamoLedger) -> None:
    ledger.keep([notification("evt_1")])
    (one,) = ledger.pending("stripe", NOW_MS, 1)
    events = [event(f"in_{number:03d}", at_ms=number) for number in range(MAX_WRITES)]
    memories = {f"stripe:sub_{number}": MemoryChange({"n": number}, 0) for number in range(MAX_WRITES)}
    ledger.settle([Settlement(one.seq, [mapped(*events)])], memories, NOW_MS)
    assert [one.key for one in ready(ledger)] == [one.key for one in events]
    assert ledger.recall("stripe:sub_99").document == {"n": 99}
    assert ledger.status(NOW_MS).sources[0].by_outcome == {"mapped": 1}


def test_facts_and_answers_that_no_item_can_hold_are_left_out(ledger: DynamoLedger) -> None:
    ledger.keep([notification("evt_1")])
    (one,) = ledger.pending("stripe", NOW_MS, 1)
    large = {"text": Random(7).randbytes(MAX_PACKED_BYTES).hex()}
    ledger.postpone(one.seq, "Google Play", NOW_MS, large)
    finding = Finding(Outcome.MAPPED, "why", "rule", large, [event("in_1")])
    ledger.settle([Settlement(one.seq, [finding], large)], {}, NOW_MS)
    kept = ledger.kept(one.seq)
    assert kept is not None
    assert kept.findings == [{"outcome": "mapped", "rule": "rule", "reason": "why", "facts": {}, "keys": ["in_1"]}]
    assert kept.pending.answers == {}


def test_a_subject_of_any_length_is_remembered(ledger: DynamoLedger) -> None:
    for subject in ("x" * 5_000, "é" * 5_000, "é" * 5_001):
        ledger.settle([], {subject: MemoryChange({"half": "\ud800"}, 0)}, NOW_MS)
        assert ledger.recall(subject) == Remembered({"half": "?"}, 1)
    enter(ledger, event("in_1"))
    ledger.mark([], [Refusal(ready(ledger)[0].seq, 422, "half a character: \ud800")], [], NOW_MS)
    assert ledger.dead(1)[0].last_reason == "half a character: ?"


# Money, views, replays


def test_sums_follow_a_replay(ledger: DynamoLedger) -> None:
    seq = settle(ledger, mapped(event("in_1", revenue="10.10"), event("in_2", revenue="-0.30")))
    ledger.reopen([seq])
    ledger.settle([Settlement(seq, [mapped(event("in_1", revenue="-4"), event("in_2"))])], {}, NOW_MS + 1)
    totals = ledger.status(NOW_MS).totals[LIVE.value, "EUR"]
    assert totals == {"sold": Decimal(0), "given_back": Decimal(4), "kept": Decimal(-4)}


def test_what_people_look_for_is_found(ledger: DynamoLedger) -> None:
    failed = settle(ledger, Finding(Outcome.FAILED, "no amount"), id_="evt_1")
    good = settle(ledger, mapped(event("in_1"), event("in_2")), id_="evt_2")
    ledger.keep([notification("uuid", source="apple")])
    (waiting,) = ledger.pending("apple", NOW_MS, 1)
    ledger.postpone(waiting.seq, "the App Store", NOW_MS + 10)
    assert set(ledger.find()) == {failed, good, waiting.seq}
    assert ledger.find(outcomes=[Outcome.FAILED, Outcome.UNMAPPED]) == [failed]
    assert ledger.find(outcomes=[Outcome.MAPPED], source="stripe", types=["invoice.paid"]) == [good]
    assert ledger.find(source="stripe", types=["other"]) == []
    assert ledger.find(since_ms=NOW_MS, until_ms=NOW_MS + 1, source="apple") == [waiting.seq]
    assert ledger.find(until_ms=NOW_MS) == ledger.find(since_ms=NOW_MS + 1) == []
    assert ledger.find(since_ms=NOW_MS, until_ms=NOW_MS - 1) == []
    assert len(ledger.find(limit=2)) == 2
    assert ledger.waiting(5) == [waiting.seq]
    assert ledger.kept(1) is None
    kept = ledger.kept(waiting.seq)
    assert kept is not None
    assert (kept.outcome, kept.waiting_for, kept.pending.attempts) == (None, "the App Store", 1)
    assert ledger.reopen([failed]) == 1
    assert ledger.find(outcomes=[Outcome.FAILED]) == []


def test_an_event_is_shown_with_how_its_tries_went(ledger: DynamoLedger) -> None:
    enter(ledger, event("in_1", revenue="4.90"), event("in_2"), event("in_3"))
    first, second, third = ready(ledger)
    ledger.mark([SentMark(first.seq, "flokit-1")], [], [], NOW_MS + 1)
    ledger.mark([], [Refusal(second.seq, 422, "no user")], [], NOW_MS)
    ledger.mark([], [], [Failure(third.seq, 503, "busy", NOW_MS + 5, in_doubt=False)], NOW_MS)
    ledger.about_to_send([third.seq], NOW_MS + 6)
    found = ledger.entered(LIVE, ["in_1", "in_2", "in_3", "in_4"])
    assert sorted(found) == ["in_1", "in_2", "in_3"]
    sent, dead, waiting = (found[key] for key in sorted(found))
    assert (sent.state, sent.sent_at_ms, sent.flokit_event_id, sent.revenue) == (
        "sent",
        NOW_MS + 1,
        "flokit-1",
        Decimal("4.90"),
    )
    assert (dead.state, dead.last_status, dead.last_reason, dead.attempts) == ("dead", 422, "no user", 1)
    assert (waiting.state, waiting.last_status, waiting.due_at_ms, waiting.leaving) == ("ready", 503, NOW_MS + 5, True)
    assert [one.key for one in ledger.dead(5)] == ["in_2"]


def test_what_was_in_doubt_for_more_than_a_day_may_arrive_twice_for_good(ledger: DynamoLedger) -> None:
    enter(ledger, event("in_1"))
    seq = ready(ledger)[0].seq
    ledger.about_to_send([seq], NOW_MS)
    ledger.about_to_send([seq], NOW_MS + DAY_MS)
    ledger.mark([], [Refusal(seq, 422, "no user")], [], NOW_MS + DAY_MS)
    assert ledger.status(NOW_MS).doubtful == {("production", "dead"): 1}
    enter(ledger, event("in_1"), id_="evt_2")
    assert ready(ledger)[0].in_doubt
    ledger.mark([SentMark(seq)], [], [], NOW_MS + DAY_MS)
    assert ledger.status(NOW_MS).doubtful == {("production", "sent"): 1}


def test_everything_is_read_strongly_consistent() -> None:
    """No emulator shows what would happen otherwise."""
    with endpoint((200, b'{"Items": [], "Responses": {}}')) as it:
        table = Table(it.client(), "ledger")
        table.get(("a", "b"))
        table.get_many([("a", "b")])
        assert list(table.query("a")) == []
    assert [b'"ConsistentRead": true' in body for *_, body in it.requests] == [True] * 3


# Errors say what to do


def test_a_table_that_is_not_there(dynamo: Dynamo) -> None:
    with dynamo.opened("no-such-table") as ledger, pytest.raises(LedgerError, match="no such table in this region"):
        ledger.writable()


def test_a_region_is_needed() -> None:
    with pytest.raises(LedgerError, match=r"set AWS_REGION.* dynamodb://table\?region="):
        open_ledger("dynamodb://table", {})


def test_no_answer(dynamo: Dynamo) -> None:
    nobody = {**dynamo.environment, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    ledger = open_ledger("dynamodb://table", nobody, credentials=dynamo._credentials)
    with pytest.raises(LedgerError, match=r"no answer \(ConnectionRefusedError\) from http://127.0.0.1:9"):
        ledger.writable()
