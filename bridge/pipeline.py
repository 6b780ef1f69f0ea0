"""From a kept notification to entered events: state the facts, map them, enter what comes of it.

Everything here can be done again at any time: it starts from what is kept, and one durable write per batch holds all
of its results, so a crash before that write leaves nothing half done.
"""

from collections.abc import Mapping as Map
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from bridge.corrections import Corrected, Corrections
from bridge.errors import BadNotification, LedgerError, NeedsAnswer, NotYet
from bridge.ledger.base import Conflict, Ledger, Settlement
from bridge.log import Log, fault_place
from bridge.mapping.engine import Explanation, Mapping
from bridge.memory import Note, Page
from bridge.people import learn, previous
from bridge.sources.base import Source
from bridge.values.records import Document, Finding, Notification, Outcome, Pending
from bridge.values.times import HOUR_MS, SECOND_MS, Clock

FIRST_RETRY_MS = 30 * SECOND_MS
LONGEST_RETRY_MS = HOUR_MS
LOOK_UPS_AT_ONCE = 8
MAX_QUESTIONS = 40  # of one notification; more means that the answers lead in a circle


@dataclass(frozen=True, slots=True)
class Interpreter:
    """What it takes to understand one source: how its facts are stated, and what they become."""

    source: Source
    mapping: Mapping

    def findings(self, note: Note, notification: Notification, answers: Map[str, Any]) -> list[Finding]:
        """What a notification becomes; what it teaches goes to `note`. Raises NeedsAnswer, LedgerError."""
        try:
            stated = self.source.state(notification, note, answers)
            return [self._decide(note, facts) for facts in stated]
        except BadNotification as error:
            note.forget()
            return [Finding(Outcome.FAILED, str(error))]
        except (NeedsAnswer, LedgerError):
            raise
        except Exception as error:  # noqa: BLE001 - one notification must not stop the others; it is kept for a replay
            note.forget()
            fault = f"a fault of the bridge ({type(error).__name__} at {fault_place(error)}); replay it after an update"
            return [Finding(Outcome.FAILED, fault)]

    def explain(self, note: Note, notification: Notification, answers: Map[str, Any]) -> list[Explanation]:
        """Why a notification becomes what it becomes, fact by fact.

        Raises BadNotification when its facts cannot be stated, NeedsAnswer when a question must be asked first.
        """
        explanations = []
        for facts in self.source.state(notification, note, answers):
            facts["previous"] = previous(note, facts)
            explanation = self.mapping.explain(facts)
            learn(note, facts, self.mapping.users.resolve(facts), sent=bool(explanation.finding.events))
            explanations.append(explanation)
        return explanations

    def answers(self, note: Note, notification: Notification, known: Map[str, Any]) -> dict[str, Any]:
        """Ask all that must be known before the facts can be stated. Raises NotYet when an answer comes later."""
        answers = dict(known)
        for _ in range(MAX_QUESTIONS):
            question = self._open_question(note, notification, answers)
            if question is None:
                break
            answers[question] = self._ask(question)
        return answers

    def _open_question(self, note: Note, notification: Notification, answers: Map[str, Any]) -> str | None:
        try:
            self.source.state(notification, note, answers)
        except NeedsAnswer as need:
            return need.question
        except Exception:  # noqa: BLE001 - it is met again, and told, when the facts are stated for good
            return None
        return None

    def _ask(self, question: str) -> Any:
        try:
            return self.source.ask(question)
        except NotYet:
            raise
        except Exception as error:  # noqa: BLE001 - a fault of ours waits like any other answer that does not come
            raise NotYet(f"a fault of the bridge ({type(error).__name__} at {fault_place(error)})") from None

    def _decide(self, note: Note, facts: Document) -> Finding:
        facts["previous"] = previous(note, facts)
        finding = self.mapping.apply(facts)
        learn(note, facts, self.mapping.users.resolve(facts), sent=bool(finding.events))
        return finding


class Pipeline:
    """Maps what the ledger keeps of one source. Another one at work on it shows as a Conflict, and is redone."""

    def __init__(self, ledger: Ledger, interpreter: Interpreter, clock: Clock, log: Log) -> None:
        self._ledger = ledger
        self._interpreter = interpreter
        self._name = interpreter.source.name
        self._clock = clock
        self._log = log

    @property
    def name(self) -> str:
        """The source's."""
        return self._name

    def step(self, limit: int = 32) -> int:
        """Map up to `limit` kept notifications, in the order in which things happened.

        Gives how many were looked at; 0 when nothing is due. Raises LedgerError when the ledger cannot be used.
        """
        pending = self._ledger.pending(self._name, self._clock(), limit)
        if not pending:
            return 0
        answered = self._look_up(pending) if self._interpreter.source.asks else pending
        try:
            self._settle(answered)
        except Conflict:
            for one in answered:
                self._settle([one])
        return len(pending)

    def next_due_ms(self) -> int | None:
        """When the next kept notification is to be mapped; None when there is none."""
        return self._ledger.next_due_ms(self._name)

    def preview(self, one: Pending) -> Corrected:
        """What a kept notification would become now, and lead to. Writes nothing, asks nothing. Raises NeedsAnswer."""
        page = Page(self._ledger.recall)
        findings = self._interpreter.findings(Note(page, self._name), one.notification, one.answers)
        ((_, corrected),) = self._corrected(page, [(one, findings)])
        return corrected

    def _look_up(self, pending: Sequence[Pending]) -> list[Pending]:
        """Those whose questions are answered; the others wait."""
        with ThreadPoolExecutor(LOOK_UPS_AT_ONCE) as threads:
            answered = list(threads.map(self._answered, pending))
        return [one for one in answered if one]

    def _answered(self, one: Pending) -> Pending | None:
        note = Note(Page(self._ledger.recall), self._name)
        # What the source did not know at an earlier try it is asked again: rights are given, purchases appear.
        known = {question: answer for question, answer in one.answers.items() if answer is not None}
        try:
            answers = self._interpreter.answers(note, one.notification, known)
        except NotYet as wait:
            self._wait(one, wait.reason)
            return None
        return Pending(one.seq, one.notification, one.attempts, answers)

    def _settle(self, pending: Sequence[Pending]) -> None:
        page = Page(self._ledger.recall)
        mapped = [(one, findings) for one in pending if (findings := self._map(page, one)) is not None]
        corrected = self._corrected(page, mapped)
        settlements = [Settlement(one.seq, what.findings, one.answers, what.anew) for one, what in corrected]
        if settlements:
            self._ledger.settle(settlements, page.changes(), self._clock())
        for one, what in corrected:
            self._log_findings(one.notification, what.findings)

    def _corrected(
        self, page: Page, mapped: Sequence[tuple[Pending, list[Finding]]]
    ) -> list[tuple[Pending, Corrected]]:
        """What the findings lead to, beside what is entered already. Raises Conflict; see Corrections."""
        corrections = Corrections(self._interpreter.mapping, self._ledger.entered, page)
        corrections.read(finding for _, findings in mapped for finding in findings)
        return [(one, corrections.correct(one.seq, findings)) for one, findings in mapped]

    def _map(self, page: Page, one: Pending) -> list[Finding] | None:
        note = Note(page, self._name)
        try:
            findings = self._interpreter.findings(note, one.notification, one.answers)
        except NeedsAnswer as need:  # an earlier one of this batch taught something that raised a new question
            self._ledger.postpone(one.seq, need.question, self._clock(), one.answers)
            return None
        note.keep()
        return findings

    def _wait(self, one: Pending, reason: str) -> None:
        delay_ms = min(FIRST_RETRY_MS * 2 ** min(one.attempts, 20), LONGEST_RETRY_MS)
        self._ledger.postpone(one.seq, reason, self._clock() + delay_ms, None)
        self._log("waiting", source=self._name, notification=one.notification.id, reason=reason)

    def _log_findings(self, notification: Notification, findings: Sequence[Finding]) -> None:
        for finding in findings:
            self._log(
                "mapping",
                source=notification.source,
                type=notification.type,
                notification=notification.id,
                outcome=str(finding.outcome),
                rule=finding.rule,
                reason=finding.reason,
                keys=[event.key for event in finding.events],
            )
