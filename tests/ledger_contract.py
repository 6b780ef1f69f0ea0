"""What every ledger must do, whatever it is built on. A backend's test inherits `LedgerContract`."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from threading import Thread

import pytest

from bridge.errors import LedgerError
from bridge.ledger.base import (
    Conflict,
    Failure,
    Ledger,
    MemoryChange,
    Refusal,
    Remembered,
    SentMark,
    Settlement,
)
from bridge.values.records import Environment, Event, Finding, Notification, Outcome, Ready
from bridge.values.times import DAY_MS, HOUR_MS, MINUTE_MS

NOW_MS = 1_790_000_000_000
LIVE = Environment.PRODUCTION


def notification(id_: str, *, at_ms: int = NOW_MS, source: str = "stripe", body: bytes = b"{}") -> Notification:
    return Notification(source, id_, "invoice.paid", LIVE, at_ms, NOW_MS, body)


def event(
    key: str, *, at_ms: int = NOW_MS, environment: Environment = LIVE, revenue: str | None = None, body: bytes = b"{}"
) -> Event:
    amount = None if revenue is None else Decimal(revenue)
    return Event("renewal_completed", key, environment, at_ms, body, amount, "EUR" if revenue else None)


def mapped(*events: Event) -> Finding:
    return Finding(Outcome.MAPPED, rule="renewal", events=events)


def enter(ledger: Ledger, *events: Event, id_: str = "evt_1") -> None:
    """Keep one notification and let it become these events."""
    ledger.keep([notification(id_)])
    ledger.settle([Settlement(ledger.pending("stripe", NOW_MS, 1)[0].seq, [mapped(*events)])], {}, NOW_MS)


def ready(ledger: Ledger, now_ms: int = NOW_MS) -> list[Ready]:
    return ledger.ready(LIVE, now_ms, 100)


def pending_ids(ledger: Ledger, now_ms: int = NOW_MS, limit: int = 100) -> list[str]:
    return [pending.notification.id for pending in ledger.pending("stripe", now_ms, limit)]


class LedgerContract:
    """Inherit it, and give `ledger`, an empty one for each test, and `again`."""

    @pytest.fixture
    def ledger(self) -> Iterator[Ledger]:
        raise NotImplementedError

    def again(self) -> Ledger:
        """The same ledger as another process that starts now sees it."""
        raise NotImplementedError

    # Notifications

    def test_a_new_notification_is_kept_whole(self, ledger: Ledger) -> None:
        sent = Notification(
            "apple", "id-1", "DID_RENEW", Environment.SANDBOX, NOW_MS - 5, NOW_MS, b"\x00\xffbody", "hint"
        )
        assert ledger.keep([sent]) == [True]
        (found,) = self.again().pending("apple", NOW_MS, 10)
        assert found.notification == sent
        assert (found.attempts, found.answers) == (0, {})

    def test_a_repeat_changes_nothing_also_within_one_list(self, ledger: Ledger) -> None:
        first, repeat = notification("evt_1", body=b"first"), notification("evt_1", body=b"again")
        assert ledger.keep([first, repeat, notification("evt_2")]) == [True, False, True]
        assert ledger.keep([repeat]) == [False]
        assert [pending.notification.body for pending in ledger.pending("stripe", NOW_MS, 10)] == [b"first", b"{}"]

    def test_one_id_of_two_sources_is_two_notifications(self, ledger: Ledger) -> None:
        assert ledger.keep([notification("1"), notification("1", source="google")]) == [True, True]

    def test_keeping_nothing_is_fine(self, ledger: Ledger) -> None:
        assert ledger.keep([]) == []
        assert ledger.pending("stripe", NOW_MS, 10) == []
        assert ledger.next_due_ms("stripe") is None

    def test_pending_comes_in_the_order_in_which_things_happened(self, ledger: Ledger) -> None:
        ledger.keep([notification("late", at_ms=30), notification("early", at_ms=10), notification("middle", at_ms=20)])
        ledger.keep([notification("early too", at_ms=10)])
        assert pending_ids(ledger) == ["early", "early too", "middle", "late"]
        assert pending_ids(ledger, limit=2) == ["early", "early too"]

    def test_each_source_has_its_own_queue(self, ledger: Ledger) -> None:
        ledger.keep([notification("evt_1"), notification("uuid", source="apple")])
        assert [pending.notification.id for pending in ledger.pending("apple", NOW_MS, 10)] == ["uuid"]
        ledger.postpone(ledger.pending("apple", NOW_MS, 10)[0].seq, "the App Store", NOW_MS + 10)
        assert (ledger.next_due_ms("apple"), ledger.next_due_ms("stripe")) == (NOW_MS + 10, 0)
        assert ledger.next_due_ms("google") is None

    def test_a_postponed_notification_waits_until_it_is_due(self, ledger: Ledger) -> None:
        ledger.keep([notification("evt_1")])
        seq = ledger.pending("stripe", NOW_MS, 1)[0].seq
        ledger.postpone(seq, "Google Play", NOW_MS + 10, {"purchase": {"price": Decimal("4.90")}})
        assert pending_ids(ledger, NOW_MS + 9) == []
        assert ledger.next_due_ms("stripe") == NOW_MS + 10
        assert ledger.status(NOW_MS).sources[0].waiting == 1
        (found,) = self.again().pending("stripe", NOW_MS + 10, 10)
        assert (found.attempts, found.answers) == (1, {"purchase": {"price": Decimal("4.90")}})

    def test_postponing_without_new_answers_keeps_the_old_ones(self, ledger: Ledger) -> None:
        ledger.keep([notification("evt_1")])
        seq = ledger.pending("stripe", NOW_MS, 1)[0].seq
        ledger.postpone(seq, "Google Play", NOW_MS, {"purchase": 1})
        ledger.postpone(seq, "Google Play", NOW_MS)
        (found,) = ledger.pending("stripe", NOW_MS, 10)
        assert (found.attempts, found.answers) == (2, {"purchase": 1})

    # Settling

    @pytest.mark.parametrize(
        ("outcomes", "overall"),
        [
            ([], "ignored"),
            ([Outcome.IGNORED, Outcome.UNMAPPED], "unmapped"),
            ([Outcome.IGNORED, Outcome.MAPPED, Outcome.UNMAPPED], "mapped"),
            ([Outcome.MAPPED, Outcome.FAILED, Outcome.IGNORED], "failed"),
        ],
    )
    def test_the_worst_finding_is_the_outcome(self, ledger: Ledger, outcomes: Sequence[Outcome], overall: str) -> None:
        ledger.keep([notification("evt_1")])
        findings = [Finding(outcome) for outcome in outcomes]
        ledger.settle([Settlement(ledger.pending("stripe", NOW_MS, 1)[0].seq, findings)], {}, NOW_MS)
        assert ledger.pending("stripe", NOW_MS, 10) == []
        assert self.again().status(NOW_MS).sources[0].by_outcome == {overall: 1}

    def test_many_settle_at_once_with_events_and_memories(self, ledger: Ledger) -> None:
        ledger.keep([notification(f"evt_{number}") for number in range(20)])
        settlements = [
            Settlement(pending.seq, [mapped(event(f"in_{pending.seq}"))])
            for pending in ledger.pending("stripe", NOW_MS, 20)
        ]
        ledger.settle(settlements, {"stripe:sub_1": MemoryChange({"user": "u", "price": Decimal("1.10")}, 0)}, NOW_MS)
        again = self.again()
        assert again.pending("stripe", NOW_MS, 20) == []
        assert len(ready(again)) == 20
        assert again.recall("stripe:sub_1") == Remembered({"user": "u", "price": Decimal("1.10")}, 1)

    def test_an_event_key_is_entered_once_for_good(self, ledger: Ledger) -> None:
        enter(ledger, event("in_1", body=b"first"), event("in_1", body=b"twice"), id_="evt_1")
        enter(ledger, event("in_1", body=b"again"), id_="evt_2")
        (entered,) = ready(ledger)
        assert entered.body == b"first"
        ledger.mark([SentMark(entered.seq)], [], [], NOW_MS)
        enter(ledger, event("in_1"), id_="evt_3")
        assert ready(ledger) == []
        assert ledger.status(NOW_MS).events == {("production", "sent"): 1}

    def test_the_environments_do_not_share_keys(self, ledger: Ledger) -> None:
        enter(ledger, event("in_1"), event("in_1", environment=Environment.SANDBOX))
        assert [entered.key for entered in ready(ledger)] == ["in_1"]
        assert [entered.key for entered in ledger.ready(Environment.SANDBOX, NOW_MS, 10)] == ["in_1"]

    def test_settling_twice_doubles_nothing(self, ledger: Ledger) -> None:
        ledger.keep([notification("evt_1")])
        settlement = Settlement(ledger.pending("stripe", NOW_MS, 1)[0].seq, [mapped(event("in_1"))])
        ledger.settle([settlement], {}, NOW_MS)
        ledger.settle([settlement], {}, NOW_MS)
        assert len(ready(ledger)) == 1
        assert ledger.status(NOW_MS).sources[0].by_outcome == {"mapped": 1}

    def test_a_changed_memory_is_a_conflict_and_nothing_is_written(self, ledger: Ledger) -> None:
        ledger.settle([], {"stripe:sub_1": MemoryChange({"n": 1}, 0)}, NOW_MS)
        ledger.keep([notification("evt_1")])
        settlement = Settlement(ledger.pending("stripe", NOW_MS, 1)[0].seq, [mapped(event("in_1"))])
        changes = {"stripe:new": MemoryChange({"n": 1}, 0), "stripe:sub_1": MemoryChange({"n": 2}, 0)}
        with pytest.raises(Conflict):
            ledger.settle([settlement], changes, NOW_MS)
        assert pending_ids(ledger) == ["evt_1"]
        assert ready(ledger) == []
        assert ledger.recall("stripe:new") == Remembered({}, 0)
        assert ledger.recall("stripe:sub_1") == Remembered({"n": 1}, 1)

    def test_a_memory_that_was_read_can_be_written(self, ledger: Ledger) -> None:
        for version in range(3):
            assert ledger.recall("stripe:sub_1").version == version
            ledger.settle([], {"stripe:sub_1": MemoryChange({"n": version}, version)}, NOW_MS)
        assert self.again().recall("stripe:sub_1") == Remembered({"n": 2}, 3)

    def test_a_memory_that_was_never_there_is_a_conflict_when_another_version_was_read(self, ledger: Ledger) -> None:
        with pytest.raises(Conflict):
            ledger.settle([], {"stripe:sub_1": MemoryChange({}, 1)}, NOW_MS)

    def test_reopening_makes_settled_notifications_pending_again(self, ledger: Ledger) -> None:
        ledger.keep([notification("evt_1"), notification("evt_2")])
        first, second = ledger.pending("stripe", NOW_MS, 2)
        ledger.settle([Settlement(first.seq, [mapped(event("in_1"))], {"purchase": 1})], {}, NOW_MS)
        assert ledger.reopen([first.seq, second.seq, 999]) == 1
        reopened = ledger.pending("stripe", NOW_MS, 10)[0]
        assert (reopened.seq, reopened.attempts, reopened.answers) == (first.seq, 0, {"purchase": 1})
        ledger.settle([Settlement(first.seq, [mapped(event("in_1"))])], {}, NOW_MS)
        assert len(ready(ledger)) == 1

    def test_a_settlement_keeps_the_answers_of_look_ups(self, ledger: Ledger) -> None:
        ledger.keep([notification("evt_1")])
        seq = ledger.pending("stripe", NOW_MS, 1)[0].seq
        ledger.settle([Settlement(seq, [mapped(event("in_1"))], {"order:1": {"total": Decimal("1.10")}})], {}, NOW_MS)
        ledger.reopen([seq])
        assert ledger.pending("stripe", NOW_MS, 1)[0].answers == {"order:1": {"total": Decimal("1.10")}}

    def test_a_replay_enters_a_dead_event_anew(self, ledger: Ledger) -> None:
        enter(ledger, event("in_1", body=b"wrong"))
        ledger.mark([], [Refusal(ready(ledger)[0].seq, 422, "no user")], [], NOW_MS)
        enter(ledger, event("in_1", body=b"right"), id_="evt_2")
        (entered,) = ready(ledger)
        assert (entered.body, entered.attempts) == (b"right", 0)

    def test_a_replay_changes_an_event_that_was_never_tried_and_no_other(self, ledger: Ledger) -> None:
        ledger.keep([notification("evt_1")])
        seq = ledger.pending("stripe", NOW_MS, 1)[0].seq
        ledger.settle([Settlement(seq, [mapped(event("in_1", body=b"wrong"))])], {}, NOW_MS)
        ledger.reopen([seq])
        ledger.settle([Settlement(seq, [mapped(event("in_1", body=b"right"))])], {}, NOW_MS + 1)
        assert [entered.body for entered in ready(ledger)] == [b"right"]
        ledger.mark([], [], [Failure(ready(ledger)[0].seq, 503, "busy", NOW_MS, in_doubt=True)], NOW_MS)
        ledger.settle([Settlement(seq, [mapped(event("in_1", body=b"late"))])], {}, NOW_MS + 2)
        assert [entered.body for entered in ready(ledger)] == [b"right"]

    def test_the_better_word_of_another_notification_takes_the_place_of_an_unsent_event(self, ledger: Ledger) -> None:
        enter(ledger, event("in_1", body=b"no amount"))
        better = event("in_1", revenue="4.90", body=b"better")
        self.settle_anew(ledger, better, id_="evt_2")
        (entered,) = ready(self.again())
        assert (entered.key, entered.body) == ("in_1", b"better")
        known = ledger.entered(LIVE, ["in_1"])["in_1"]
        assert (known.revenue, known.currency, known.may_change) == (Decimal("4.90"), "EUR", True)
        totals = ledger.status(NOW_MS).totals
        assert totals[("production", "EUR")]["kept"] == Decimal("4.90")

    def test_what_left_meanwhile_is_a_conflict_and_nothing_is_written(self, ledger: Ledger) -> None:
        enter(ledger, event("in_1", body=b"no amount"))
        ledger.about_to_send([ready(ledger)[0].seq], NOW_MS)
        with pytest.raises(Conflict):
            self.settle_anew(ledger, event("in_1", body=b"better"), event("in_2"), id_="evt_2")
        assert [entered.body for entered in ready(ledger)] == [b"no amount"]
        assert pending_ids(ledger) == ["evt_2"]

    def test_an_event_that_is_not_there_is_entered_also_as_better(self, ledger: Ledger) -> None:
        self.settle_anew(ledger, event("in_1", body=b"better"), id_="evt_1")
        assert [entered.body for entered in ready(ledger)] == [b"better"]

    def settle_anew(self, ledger: Ledger, *events: Event, id_: str) -> None:
        ledger.keep([notification(id_)])
        seq = ledger.pending("stripe", NOW_MS, 1)[0].seq
        ledger.settle([Settlement(seq, [mapped(*events)], anew=frozenset({events[0].key}))], {}, NOW_MS)

    def test_entered_events_are_found_by_key_in_their_environment(self, ledger: Ledger) -> None:
        enter(ledger, event("sent", revenue="5"), event("leaving"), event("new"), event("dead"))
        sent, leaving, _, dead = (one.seq for one in ready(ledger))
        ledger.mark([SentMark(sent, "evt_of_flokit")], [Refusal(dead, 422, "no user")], [], NOW_MS)
        ledger.about_to_send([leaving], NOW_MS)
        found = self.again().entered(LIVE, ["dead", "leaving", "new", "nobody", "sent"])
        assert {key: (one.state, one.may_change) for key, one in found.items()} == {
            "sent": ("sent", False), "leaving": ("ready", False), "new": ("ready", True), "dead": ("dead", True),
        }  # fmt: skip
        assert (found["sent"].revenue, found["sent"].flokit_event_id) == (Decimal(5), "evt_of_flokit")
        assert ledger.entered(Environment.SANDBOX, ["sent"]) == {}

    # Events

    def test_ready_comes_in_the_order_in_which_things_happened(self, ledger: Ledger) -> None:
        enter(ledger, event("late", at_ms=30), event("early", at_ms=10), event("early too", at_ms=10))
        assert [entered.key for entered in ready(ledger)] == ["early", "early too", "late"]
        assert [entered.key for entered in ledger.ready(LIVE, NOW_MS, 1)] == ["early"]
        assert ready(ledger)[0].occurred_at_ms == 10

    def test_a_failed_event_waits_and_is_counted_when_due(self, ledger: Ledger) -> None:
        enter(ledger, event("in_1"), event("in_2"))
        ledger.mark([], [], [Failure(ready(ledger)[0].seq, 503, "busy", NOW_MS + 10, in_doubt=False)], NOW_MS)
        assert [entered.key for entered in ready(ledger)] == ["in_2"]
        assert (ledger.backlog(LIVE, NOW_MS), ledger.backlog(LIVE, NOW_MS + 10)) == (1, 2)
        ledger.mark([SentMark(ready(ledger)[0].seq)], [], [], NOW_MS)
        assert ledger.next_ready_ms(LIVE) == NOW_MS + 10
        (waiting,) = self.again().ready(LIVE, NOW_MS + 10, 10)
        assert (waiting.key, waiting.attempts, waiting.in_doubt, waiting.first_tried_at_ms) == ("in_1", 1, False, None)

    def test_a_refused_event_is_dead(self, ledger: Ledger) -> None:
        enter(ledger, event("in_1"))
        ledger.mark([], [Refusal(ready(ledger)[0].seq, 422, "no user")], [], NOW_MS)
        assert ready(ledger) == []
        assert ledger.next_ready_ms(LIVE) is None
        assert self.again().status(NOW_MS).events == {("production", "dead"): 1}

    def test_what_is_sent_stays_sent(self, ledger: Ledger) -> None:
        enter(ledger, event("in_1"))
        seq = ready(ledger)[0].seq
        ledger.mark([SentMark(seq, "flokit-1")], [], [], NOW_MS)
        ledger.mark([], [Refusal(seq, 422, "late")], [Failure(seq, 500, "late", NOW_MS, in_doubt=True)], NOW_MS)
        ledger.about_to_send([seq], NOW_MS)
        assert ready(ledger) == []
        assert ledger.status(NOW_MS).events == {("production", "sent"): 1}

    def test_a_try_without_an_answer_leaves_the_event_in_doubt_since_the_first(self, ledger: Ledger) -> None:
        enter(ledger, event("in_1"))
        seq = ready(ledger)[0].seq
        ledger.mark([], [], [Failure(seq, 0, "time-out", NOW_MS, in_doubt=True)], NOW_MS)
        ledger.mark([], [], [Failure(seq, 0, "time-out", NOW_MS, in_doubt=True)], NOW_MS + 5)
        ledger.mark([], [], [Failure(seq, 429, "slower", NOW_MS, in_doubt=False)], NOW_MS + 9)
        (entered,) = ready(self.again())
        assert (entered.attempts, entered.in_doubt, entered.first_tried_at_ms) == (3, True, NOW_MS)

    def test_an_event_that_left_is_in_doubt_until_an_answer_says_otherwise(self, ledger: Ledger) -> None:
        enter(ledger, event("in_1"))
        seq = ready(ledger)[0].seq
        ledger.about_to_send([seq], NOW_MS)
        (left,) = ready(self.again())
        assert (left.attempts, left.in_doubt, left.first_tried_at_ms) == (0, True, NOW_MS)
        ledger.mark([], [], [Failure(seq, 429, "slower", NOW_MS, in_doubt=False)], NOW_MS + 1)
        (answered,) = ready(ledger)
        assert (answered.attempts, answered.in_doubt, answered.first_tried_at_ms) == (1, False, None)

    def test_an_answer_clears_only_the_doubt_of_its_own_try(self, ledger: Ledger) -> None:
        enter(ledger, event("in_1"))
        seq = ready(ledger)[0].seq
        ledger.about_to_send([seq], NOW_MS)  # the process dies here
        ledger.about_to_send([seq], NOW_MS + 5)
        ledger.mark([], [], [Failure(seq, 429, "slower", NOW_MS, in_doubt=False)], NOW_MS + 6)
        (entered,) = ready(ledger)
        assert (entered.in_doubt, entered.first_tried_at_ms) == (True, NOW_MS)

    # Batches, and what may arrive twice

    def test_a_batch_has_what_is_due_and_never_left_in_order_of_time(self, ledger: Ledger) -> None:
        enter(ledger, *(event(f"in_{n}", at_ms=n) for n in (5, 3, 4, 1, 2)))
        left, failed = (one.seq for one in ready(ledger)[:2])
        ledger.about_to_send([left], NOW_MS)
        ledger.mark([], [], [Failure(failed, 429, "slower", NOW_MS + 10, in_doubt=False)], NOW_MS)
        again = self.again()
        batch = again.batch(LIVE, NOW_MS, 2)
        assert (batch.key, len(batch.seqs), len(batch.bodies)) == ("in_3", 2, 2)
        assert again.batchable(LIVE, NOW_MS, 10) == 3
        assert again.batchable(LIVE, NOW_MS + 10, 10) == 4
        assert again.batchable(LIVE, NOW_MS + 10, 2) == 2
        assert again.batch(Environment.SANDBOX, NOW_MS, 2).seqs == []

    @pytest.mark.parametrize("event_ids", [(), ("flokit_1", "flokit_2")])
    def test_a_batch_that_was_taken_is_sent(self, ledger: Ledger, event_ids: Sequence[str]) -> None:
        enter(ledger, event("in_1"), event("in_2"), event("in_3"))
        batch = ledger.batch(LIVE, NOW_MS, 2)
        ledger.about_to_send(batch.seqs, NOW_MS)
        ledger.mark_batch(batch.seqs, event_ids, NOW_MS)
        again = self.again()
        assert again.status(NOW_MS).events == {("production", "sent"): 2, ("production", "ready"): 1}
        assert [one.key for one in ready(again)] == ["in_3"]

    def test_a_batch_whose_answer_was_lost_may_arrive_twice(self, ledger: Ledger) -> None:
        enter(ledger, event("in_1"), event("in_2"))
        seqs = ledger.batch(LIVE, NOW_MS, 2).seqs
        ledger.about_to_send(seqs, NOW_MS)
        ledger.mark([], [], [Failure(seq, 429, "slower", NOW_MS, in_doubt=False) for seq in seqs], NOW_MS)
        assert ledger.status(NOW_MS).doubtful == {}
        ledger.about_to_send(seqs, NOW_MS)
        ledger.mark([], [], [Failure(seq, 0, "time-out", NOW_MS, in_doubt=True) for seq in seqs], NOW_MS)
        ledger.about_to_send([seqs[0]], NOW_MS)
        ledger.mark([SentMark(seqs[0])], [], [], NOW_MS)
        assert self.again().status(NOW_MS).doubtful == {("production", "sent"): 1, ("production", "ready"): 1}

    def test_a_batch_that_was_under_way_at_a_crash_may_arrive_twice(self, ledger: Ledger) -> None:
        enter(ledger, event("in_1"), event("in_2"))
        ledger.about_to_send(ledger.batch(LIVE, NOW_MS, 2).seqs, NOW_MS)
        again = self.again()
        assert again.batchable(LIVE, NOW_MS, 2) == 0
        again.about_to_send([ready(again)[0].seq], NOW_MS)
        assert again.status(NOW_MS).doubtful == {("production", "ready"): 1}

    @pytest.mark.parametrize(("after_ms", "doubtful"), [(DAY_MS - 1, {}), (DAY_MS, {("production", "ready"): 1})])
    def test_a_key_protects_for_24_hours(self, ledger: Ledger, after_ms: int, doubtful: dict[object, int]) -> None:
        enter(ledger, event("in_1"))
        (one,) = ready(ledger)
        ledger.about_to_send([one.seq], NOW_MS)
        ledger.mark([], [], [Failure(one.seq, 0, "time-out", NOW_MS, in_doubt=True)], NOW_MS + 1)
        ledger.about_to_send([one.seq], NOW_MS + after_ms)
        assert self.again().status(NOW_MS).doubtful == doubtful

    # Bodies that are old

    def test_old_bodies_are_forgotten_and_keys_stay(self, ledger: Ledger) -> None:
        enter(ledger, event("in_1", revenue="4.90"))
        ledger.mark([SentMark(ready(ledger)[0].seq)], [], [], NOW_MS)
        before = ledger.status(NOW_MS)
        assert ledger.forget_bodies(NOW_MS, 10) == 0
        assert ledger.forget_bodies(NOW_MS + 1, 10) == 2
        assert ledger.forget_bodies(NOW_MS + 1, 10) == 0
        assert self.again().status(NOW_MS) == before
        assert ledger.keep([notification("evt_1")]) == [False]
        enter(ledger, event("in_1"), id_="evt_2")
        assert ready(ledger) == []

    def test_what_is_still_to_be_done_keeps_its_body(self, ledger: Ledger) -> None:
        enter(ledger, event("ready"), event("dead"))
        first, second = ready(ledger)
        ledger.mark([], [Refusal(second.seq, 422, "no user")], [], NOW_MS)
        ledger.keep([notification("evt_2", body=b"pending")])
        assert ledger.forget_bodies(NOW_MS + 1, 10) == 1  # of the settled notification
        assert ready(self.again()) == [first]
        assert [pending.notification.body for pending in ledger.pending("stripe", NOW_MS, 10)] == [b"pending"]

    def test_bodies_are_forgotten_in_bites(self, ledger: Ledger) -> None:
        enter(ledger, *(event(f"in_{number}") for number in range(3)))
        ledger.mark([SentMark(one.seq) for one in ready(ledger)], [], [], NOW_MS)
        assert [ledger.forget_bodies(NOW_MS + 1, 3) for _ in range(3)] == [3, 1, 0]

    def test_a_notification_without_body_is_not_opened_again(self, ledger: Ledger) -> None:
        ledger.keep([notification("evt_1"), notification("evt_2")])
        first, second = ledger.pending("stripe", NOW_MS, 2)
        ledger.settle([Settlement(one.seq, [Finding(Outcome.IGNORED)]) for one in (first, second)], {}, NOW_MS)
        assert ledger.reopen([first.seq]) == 1
        assert ledger.forget_bodies(NOW_MS + 1, 10) == 1
        assert ledger.reopen([first.seq, second.seq]) == 0
        assert pending_ids(ledger) == ["evt_1"]

    # Status, and use by many threads

    def test_status_counts_and_sums_exactly(self, ledger: Ledger) -> None:
        enter(ledger, *(event(f"in_{n}", revenue="0.10") for n in range(3)), event("re_1", revenue="-0.05"), id_="1")
        enter(ledger, event("test", revenue="5", environment=Environment.SANDBOX), event("none"), id_="2")
        ledger.keep([notification("3", source="apple")])
        status = ledger.status(NOW_MS)
        counts = {source.source: (source.last_received_ms, dict(source.by_outcome)) for source in status.sources}
        assert counts == {"apple": (NOW_MS, {None: 1}), "stripe": (NOW_MS, {"mapped": 2})}
        assert status.events == {("production", "ready"): 5, ("sandbox", "ready"): 1}
        assert status.oldest_ready_ms == {"production": NOW_MS, "sandbox": NOW_MS}
        assert status.totals == {
            ("production", "EUR"): {"sold": Decimal("0.30"), "given_back": Decimal("0.05"), "kept": Decimal("0.25")},
            ("sandbox", "EUR"): {"sold": Decimal(5), "given_back": Decimal(0), "kept": Decimal(5)},
        }

    def test_the_backlog_is_told_by_age_and_by_what_may_go_now(self, ledger: Ledger) -> None:
        enter(ledger, event("old"), event("test", environment=Environment.SANDBOX))
        ledger.keep([notification("evt_2")])
        seq = ledger.pending("stripe", NOW_MS, 1)[0].seq
        ledger.settle([Settlement(seq, [mapped(event("new"), event("sent"))])], {}, NOW_MS + HOUR_MS)
        old, _, sent = (one.seq for one in ready(ledger))
        ledger.mark([SentMark(sent)], [], [Failure(old, 429, "slower", NOW_MS + DAY_MS, in_doubt=False)], NOW_MS)
        backlog = self.again().status(NOW_MS + HOUR_MS + 1).backlog
        found = backlog["production"]
        assert (found.count, found.due, found.later, found.oldest_entered_ms) == (2, 1, 1, NOW_MS)
        assert [(bound, count) for bound, count in found.by_age if count] == [(MINUTE_MS, 1), (6 * HOUR_MS, 1)]
        assert backlog["sandbox"].count == 1

    def test_an_empty_ledger_has_a_status_and_is_writable(self, ledger: Ledger) -> None:
        ledger.writable()
        assert ledger.status(NOW_MS).sources == []
        assert ledger.backlog(LIVE, NOW_MS) == 0

    def test_many_threads_share_one_ledger(self, ledger: Ledger) -> None:
        answers: list[bool] = []
        faults: list[BaseException] = []

        def keep_all() -> None:
            try:
                for number in range(40):
                    answers.extend(ledger.keep([notification(f"evt_{number}")]))
                    ledger.pending("stripe", NOW_MS, 5)
                    ledger.status(NOW_MS)
            except BaseException as fault:  # noqa: BLE001 - whatever it is, the test shows it
                faults.append(fault)

        run_together([Thread(target=keep_all) for _ in range(4)])
        assert faults == []
        assert sorted(answers) == [False] * 120 + [True] * 40

    def test_a_closed_ledger_says_so(self, ledger: Ledger) -> None:
        ledger.close()
        with pytest.raises(LedgerError, match="closed"):
            ledger.keep([notification("evt_1")])


def run_together(threads: Sequence[Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
