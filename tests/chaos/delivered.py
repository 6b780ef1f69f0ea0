"""What must be so at the end of a round: every event is there, and none twice but those of which the ledger said so."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from bridge.ledger.sqlite import SqliteLedger
from bridge.ledger.views import Entered
from bridge.values.records import Outcome
from bridge.values.times import DAY_MS

from .corrected import in_the_end
from .documented import essences
from .truth import EVERYTHING, Fact, fact
from .verdict import Verdict
from .witness import Text, Witness, text_of

TWICE_OF_A_BATCH = "events twice at FloKit, in doubt from a batch"
TWICE_AFTER_A_DAY = "events twice at FloKit, asked again after 24 hours"


@dataclass
class Delivered:
    """The end of a round: what stands in the ledger, what is at FloKit, and what ought to be.

    `doubted` are the keys of the events of which the ledger said at some time that they may have reached FloKit.
    `in_order` is False where webhooks came in another order than they happened in: then `documented` holds.
    """

    ledger: SqliteLedger
    flokit: Witness
    expected: Iterable[Fact]
    doubted: Collection[str] = field(default=())
    in_order: bool = True

    def judge(self, verdict: Verdict) -> None:
        """Note what is wrong, and the figures."""
        events = self.ledger.events(EVERYTHING)
        self._judge_mapping(events, verdict)
        for event in events:
            self._judge_event(event, verdict)
        self._judge_strangers(events, verdict)
        verdict.count(
            events_at_FloKit=sum(self.flokit.arrivals.values()),
            requests_to_FloKit=len(self.flokit.standin.requests),
            batches=self.flokit.batches,
        )

    def _judge_mapping(self, events: list[Entered], verdict: Verdict) -> None:
        for seq in self.ledger.find(outcomes=[Outcome.FAILED, Outcome.UNMAPPED]):
            verdict.expect(False, f"notification {seq} is not mapped: {self.ledger.kept(seq)}")
        counted = Counter if self.in_order else essences
        found, expected = counted(in_the_end(map(fact, events))), counted(in_the_end(self.expected))
        for missing in expected - found:
            verdict.expect(False, f"missing: {missing}")
        for surplus in found - expected:
            verdict.expect(False, f"nobody expects: {surplus}")

    def _judge_event(self, event: Entered, verdict: Verdict) -> None:
        text = self._text(event)
        times = self.flokit.arrivals[text]
        verdict.expect(event.state == "sent", f"{event.key} is {event.state}: {event.last_reason}")
        verdict.expect(times > 0, f"{event.key} is noted as {event.state} and is not at FloKit")
        if times < 2:
            return
        first_ms, *later_ms = self.flokit.arrived_at_ms[text]
        if self.flokit.in_batches[text] == 1 and event.key in self.doubted:
            verdict.sums[TWICE_OF_A_BATCH] += times - 1
        elif all(at_ms - first_ms >= DAY_MS for at_ms in later_ms):
            verdict.sums[TWICE_AFTER_A_DAY] += times - 1
        else:
            verdict.expect(False, f"{event.key} is {times} times at FloKit, first and then after {later_ms} {first_ms}")

    def _text(self, event: Entered) -> Text:
        """What was sent. A ledger forgets old bodies; by then they are known from FloKit, by the key they came with."""
        return text_of(event.body) if event.body else self.flokit.by_key.get(event.key, b"")

    def _judge_strangers(self, events: list[Entered], verdict: Verdict) -> None:
        known = set(map(self._text, events))
        for text in self.flokit.arrivals.keys() - known:
            verdict.expect(False, f"FloKit has what the ledger does not know: {text!r}")
