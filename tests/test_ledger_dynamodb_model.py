"""Random lives of a DynamoDB ledger beside those of a SQLite ledger: both must show the same at every moment."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dynamodb_rig import Dynamo, dynamo
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_contract import LIVE, event, notification

from bridge.ledger.base import Conflict, Failure, MemoryChange, Refusal, SentMark, Settlement
from bridge.ledger.people import PeoplesLedger
from bridge.ledger.sqlite import SqliteLedger
from bridge.values.records import Finding, Outcome
from bridge.values.times import DAY_MS

__all__ = ["dynamo"]

KEYS = ["in_1", "in_2", "in_3"]
FAR_MS = 10 * DAY_MS


class Life:
    """A ledger, and what may happen to it. Events are chosen by their keys, for their numbers differ."""

    def __init__(self, ledger: PeoplesLedger) -> None:
        self.ledger = ledger
        self.now_ms = DAY_MS

    def keep(self, ids: Sequence[str], at_ms: int) -> object:
        return self.ledger.keep([notification(id_, at_ms=at_ms) for id_ in ids])

    def settle(self, outcome: Outcome, keys: Sequence[str], money: str | None, anew: frozenset[str]) -> object:
        pending = self.ledger.pending("stripe", FAR_MS, 2)
        events = [event(key, at_ms=len(key + money) if money else 3, revenue=money) for key in keys]
        findings = [Finding(outcome, "reason", events=events)]
        known = self.ledger.recall("subject")
        change = MemoryChange({"keys": list(keys)}, known.version)
        settlements = [Settlement(one.seq, findings, {"asked": money}, anew) for one in pending]
        try:
            self.ledger.settle(settlements, {"subject": change}, self.now_ms)
        except Conflict:
            return "conflict"
        return [one.notification.id for one in pending]

    def postpone(self, due_ms: int) -> object:
        pending = self.ledger.pending("stripe", FAR_MS, 1)
        for one in pending:
            self.ledger.postpone(one.seq, "a look-up", due_ms, {"asked": due_ms} if due_ms % 2 else None)
        return len(pending)

    def reopen(self, outcome: Outcome) -> object:
        return self.ledger.reopen([*self.ledger.find(outcomes=[outcome]), 12_345])

    def leave(self, count: int) -> object:
        chosen = self._ready()[:count]
        self.ledger.about_to_send([seq for _, seq in chosen], self.now_ms)
        return [key for key, _ in chosen]

    def sent_batch(self) -> object:
        batch = self.ledger.batch(LIVE, self.now_ms, 2)
        self.ledger.about_to_send(batch.seqs, self.now_ms)
        self.ledger.mark_batch(batch.seqs, [], self.now_ms)
        return len(batch.seqs)

    def mark(self, verdict: Callable[[int, int], Any], count: int) -> object:
        chosen = self._ready()[:count]
        made = [verdict(seq, self.now_ms) for _, seq in chosen]
        sent, refused = (
            [one for one in made if isinstance(one, SentMark)],
            [one for one in made if isinstance(one, Refusal)],
        )
        self.ledger.mark(sent, refused, [one for one in made if isinstance(one, Failure)], self.now_ms)
        return [key for key, _ in chosen]

    def forget(self, limit: int) -> object:
        return self.ledger.forget_bodies(self.now_ms, limit) > 0

    def wait(self, passed_ms: int) -> object:
        self.now_ms += passed_ms
        return None

    def shown(self) -> object:
        """Everything that does not depend on the numbers of things."""
        status = self.ledger.status(self.now_ms)
        return {
            "pending": [
                (one.notification, one.attempts, one.answers) for one in self.ledger.pending("stripe", self.now_ms, 9)
            ],
            "ready": sorted(
                (one.key, one.body, one.attempts, one.in_doubt, one.first_tried_at_ms)
                for one in self.ledger.ready(LIVE, self.now_ms, 9)
            ),
            "batchable": self.ledger.batchable(LIVE, self.now_ms, 9),
            "next": (self.ledger.next_due_ms("stripe"), self.ledger.next_ready_ms(LIVE)),
            "sources": status.sources,
            "events": status.events,
            "totals": {name: sums for name, sums in status.totals.items() if any(sums.values())},
            "backlog": status.backlog,
            "doubtful": status.doubtful,
            "entered": {
                key: (one.state, one.attempts, one.revenue, one.body, one.leaving, one.may_be_doubled, one.may_change)
                for key, one in sorted(self.ledger.entered(LIVE, KEYS).items())
            },
            "dead": sorted(one.key for one in self.ledger.dead(9)),
            "waiting": len(self.ledger.waiting(9)),
            "memory": self.ledger.recall("subject"),
        }

    def _ready(self) -> list[tuple[str, int]]:
        return sorted((one.key, one.seq) for one in self.ledger.ready(LIVE, FAR_MS, 9))


def sent(seq: int, now_ms: int) -> SentMark:
    return SentMark(seq, "flokit")


def refused(seq: int, now_ms: int) -> Refusal:
    return Refusal(seq, 422, "no user")


def doubtful(seq: int, now_ms: int) -> Failure:
    return Failure(seq, 0, "time-out", now_ms, in_doubt=True)


def put_off(seq: int, now_ms: int) -> Failure:
    return Failure(seq, 429, "slower", now_ms + 5, in_doubt=False)


SETTLED = st.sampled_from([Outcome.MAPPED, Outcome.MAPPED, Outcome.FAILED, Outcome.UNMAPPED])
MONEY = st.sampled_from(["1.50", "-0.25", None])
STEPS = st.one_of(
    st.tuples(st.just("keep"), st.lists(st.sampled_from(["evt_1", "evt_2", "evt_3"]), max_size=3), st.integers(0, 3)),
    st.tuples(
        st.just("settle"),
        SETTLED,
        st.lists(st.sampled_from(KEYS), max_size=3),
        MONEY,
        st.frozensets(st.sampled_from(KEYS)),
    ),
    st.tuples(st.just("postpone"), st.sampled_from([1, 2, FAR_MS])),
    st.tuples(st.just("reopen"), SETTLED),
    st.tuples(st.just("leave"), st.integers(1, 2)),
    st.tuples(st.just("sent_batch")),
    st.tuples(st.just("mark"), st.sampled_from([sent, refused, doubtful, put_off]), st.integers(1, 2)),
    st.tuples(st.just("forget"), st.just(9)),
    st.tuples(st.just("wait"), st.sampled_from([1, 5, DAY_MS])),
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=5, max_size=20))
def test_both_ledgers_lead_the_same_life(dynamo: Dynamo, steps: list[tuple[Any, ...]]) -> None:
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory())
        file = stack.enter_context(closing(SqliteLedger.open(Path(folder) / "ledger.sqlite")))
        lives = [Life(file), Life(stack.enter_context(dynamo.opened(dynamo.new_table())))]
        for name, *arguments in steps:
            expected, found = [getattr(life, name)(*arguments) for life in lives]
            assert found == expected, name
            expected, found = [life.shown() for life in lives]
            assert found == expected, name
