"""Random lives of a SQLite ledger, with restarts in between, against a model of a few dicts."""

import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from ledger_contract import LIVE, NOW_MS, event, notification
from sqlite_counts import assert_counts_are_true

from bridge.ledger.base import Conflict, Failure, MemoryChange, Refusal, SentMark, Settlement
from bridge.ledger.sqlite import SqliteLedger
from bridge.values.records import Finding, Outcome

TIMES_MS = st.integers(0, 5)
IDS = st.sampled_from(["evt_1", "evt_2", "evt_3", "evt_4"])
KEYS = st.sampled_from(["in_1", "in_2", "in_3"])
PICK = st.integers(0, 3)


@dataclass
class ModelNotification:
    id: str
    at_ms: int
    due_ms: int = 0
    attempts: int = 0
    outcome: str | None = None
    forgotten: bool = False


@dataclass
class ModelEvent:
    key: str
    at_ms: int
    due_ms: int = 0
    attempts: int = 0
    state: str = "ready"
    in_doubt: bool = False
    forgotten: bool = False


@dataclass
class Model:
    """What the ledger should hold. The place in a list, from 1, is the seq."""

    notifications: list[ModelNotification] = field(default_factory=list)
    events: list[ModelEvent] = field(default_factory=list)
    memory: dict[str, tuple[int, int]] = field(default_factory=dict)  # subject -> value, version

    def pending(self, now_ms: int) -> list[tuple[str, int]]:
        waiting = [one for one in self.notifications if one.outcome is None and one.due_ms <= now_ms]
        return [(one.id, one.attempts) for one in sorted(waiting, key=lambda one: one.at_ms)]

    def ready(self, now_ms: int) -> list[tuple[str, int, bool]]:
        waiting = [one for one in self.events if one.state == "ready" and one.due_ms <= now_ms]
        return [(one.key, one.attempts, one.in_doubt) for one in sorted(waiting, key=lambda one: one.at_ms)]

    def enter(self, key: str, at_ms: int) -> None:
        known = next((one for one in self.events if one.key == key), None)
        if known is None:
            self.events.append(ModelEvent(key, at_ms))
        elif known.state == "dead":
            known.at_ms, known.due_ms, known.attempts, known.state = at_ms, 0, 0, "ready"

    def forget(self, limit: int) -> int:
        settled = [one for one in self.notifications if one.outcome and not one.forgotten]
        sent = [one for one in self.events if one.state == "sent" and not one.forgotten]
        for kept in settled[:limit]:
            kept.forgotten = True
        rest = max(limit - len(settled), 0)
        for entered in sent[:rest]:
            entered.forgotten = True
        return len(settled[:limit]) + len(sent[:rest])

    def ready_seqs(self) -> list[int]:
        return [seq for seq, one in enumerate(self.events, 1) if one.state == "ready"]


class LedgerMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.ledger = SqliteLedger.open(self.folder / "ledger.db")
        self.model = Model()

    def teardown(self) -> None:
        self.ledger.close()
        shutil.rmtree(self.folder)

    @rule(ids=st.lists(IDS, max_size=4), at_ms=TIMES_MS)
    def keep(self, ids: list[str], at_ms: int) -> None:
        expected = []
        for id_ in ids:
            expected.append(id_ not in {one.id for one in self.model.notifications})
            if expected[-1]:
                self.model.notifications.append(ModelNotification(id_, at_ms))
        assert self.ledger.keep([notification(id_, at_ms=at_ms) for id_ in ids]) == expected

    @rule(keys=st.lists(KEYS, max_size=3), at_ms=TIMES_MS, limit=st.integers(1, 3), stale=st.booleans())
    def settle(self, keys: list[str], at_ms: int, limit: int, *, stale: bool) -> None:
        revenue = f"{at_ms}.50" if at_ms else None
        findings = [Finding(Outcome.MAPPED, events=[event(key, at_ms=at_ms, revenue=revenue) for key in keys])]
        settlements = [Settlement(one.seq, findings) for one in self.ledger.pending("stripe", 5, limit)]
        known = self.ledger.recall("subject")
        change = MemoryChange({"value": at_ms}, known.version + stale)
        try:
            self.ledger.settle(settlements, {"subject": change}, 9)
        except Conflict:
            assert stale
            return
        assert not stale
        self.model.memory["subject"] = (at_ms, known.version + 1)
        for settlement in settlements:
            self.model.notifications[settlement.seq - 1].outcome = "mapped"
            for key in keys:
                self.model.enter(key, at_ms)

    @rule(due_ms=TIMES_MS)
    def postpone(self, due_ms: int) -> None:
        for pending in self.ledger.pending("stripe", 5, 1):
            self.ledger.postpone(pending.seq, "a look-up", due_ms)
            one = self.model.notifications[pending.seq - 1]
            one.due_ms, one.attempts = due_ms, one.attempts + 1

    @rule(seqs=st.lists(st.integers(1, 5), unique=True))
    def reopen(self, seqs: list[int]) -> None:
        count = 0
        for seq, one in enumerate(self.model.notifications, 1):
            if seq in seqs and one.outcome and not one.forgotten:
                one.outcome, one.due_ms, one.attempts = None, 0, 0
                count += 1
        assert self.ledger.reopen(seqs) == count

    @rule(pick=PICK)
    def sent(self, pick: int) -> None:
        for seq in self.model.ready_seqs()[pick:]:
            self.ledger.mark([SentMark(seq)], [], [], 9)
            self.model.events[seq - 1].state = "sent"

    @rule(pick=PICK)
    def refused(self, pick: int) -> None:
        for seq in self.model.ready_seqs()[pick:]:
            self.ledger.mark([], [Refusal(seq, 422, "no user")], [], 9)
            self.model.events[seq - 1].state = "dead"

    @rule(due_ms=TIMES_MS, in_doubt=st.booleans())
    def failed(self, due_ms: int, *, in_doubt: bool) -> None:
        seqs = self.model.ready_seqs()
        self.ledger.mark([], [], [Failure(seq, 0, "time-out", due_ms, in_doubt) for seq in seqs], 9)
        for seq in seqs:
            one = self.model.events[seq - 1]
            one.due_ms, one.attempts, one.in_doubt = due_ms, one.attempts + 1, one.in_doubt or in_doubt

    @rule(limit=st.integers(1, 4))
    def forget(self, limit: int) -> None:
        assert self.ledger.forget_bodies(NOW_MS + 1, limit) == self.model.forget(limit)

    @rule()
    def restart(self) -> None:
        self.ledger.close()
        self.ledger = SqliteLedger.open(self.folder / "ledger.db")

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        for now_ms in (0, 3, 5):
            pending = self.ledger.pending("stripe", now_ms, 10)
            assert [(one.notification.id, one.attempts) for one in pending] == self.model.pending(now_ms)
            ready = self.ledger.ready(LIVE, now_ms, 10)
            assert [(one.key, one.attempts, one.in_doubt) for one in ready] == self.model.ready(now_ms)
            assert self.ledger.backlog(LIVE, now_ms) == len(ready)
        for seq, one in enumerate(self.model.notifications, 1):
            kept = self.ledger.kept(seq)
            assert kept is not None
            assert (kept.forgotten, kept.pending.notification.body) == (one.forgotten, b"" if one.forgotten else b"{}")
        status = self.ledger.status(NOW_MS)
        assert status.events == Counter((LIVE.value, one.state) for one in self.model.events)
        assert all(
            source.by_outcome == Counter(one.outcome for one in self.model.notifications) for source in status.sources
        )
        assert_counts_are_true(self.folder / "ledger.db")
        value, version = self.model.memory.get("subject", (None, 0))
        known = self.ledger.recall("subject")
        assert (known.document.get("value"), known.version) == (value, version)


TestLedgerModel = LedgerMachine.TestCase
TestLedgerModel.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
