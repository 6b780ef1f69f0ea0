"""What becomes of a fact whose event is entered already, when it comes again and says more, or something else.

FloKit can neither change nor remove an event, so all depends on whether it may have it:

- It was never tried: the better of the two stands, whichever came first.
- It was tried, or is sent: a surer amount leads to a `revenue_corrected` event of the difference, so that all events
  of the transaction add up. A user who is known only now leads to an event with both ids, which joins them at FloKit.
  What else it says otherwise FloKit keeps as it was sent; the finding says so.
- FloKit refused it: it is entered anew, as the better of the two.

Better is who is surer: an exact amount before an estimated one, and that before none. Of equally sure amounts the first
stands, except that the notification which stated it may state it anew: its mapping, or the program, was mended.
So neither the order of arrival nor repeats decide anything, and no amount ever gives way to a poorer one.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from bridge.correcting import Told, as_entered, correction_key, difference, total
from bridge.ledger.base import Conflict
from bridge.ledger.views import Entered
from bridge.mapping.engine import Mapping as Rules
from bridge.mapping.taxonomy import REVENUE_CORRECTED, USER_LINKED
from bridge.memory import Page
from bridge.statements import Reading, Statement, otherwise
from bridge.values.records import Environment, Event, Finding

Find = Callable[[Environment, Sequence[str]], Mapping[str, Entered]]


@dataclass(frozen=True, slots=True)
class Corrected:
    """The findings of one notification with all events that come of them.

    `anew` are the keys of unsent events that take new content (`Settlement.anew`), `new` the events that the ledger
    would enter or change.
    """

    findings: Sequence[Finding]
    anew: frozenset[str]
    new: Sequence[Event]


@dataclass(frozen=True, slots=True)
class _Placed:
    """What one event of a finding leads to; `anew` says whether it takes the place of the one that stands there."""

    events: Sequence[Event]
    new: Sequence[Event] = ()
    anew: bool = False
    note: str = ""


class Corrections:
    """The events of one batch of notifications, held against those that are entered. Each batch has its own."""

    def __init__(self, rules: Rules, find: Find, page: Page) -> None:
        """`find` gives the entered events of some keys; `page` is the batch's memory."""
        self._rules = rules
        self._sends_corrections = rules.taxonomy.events[REVENUE_CORRECTED].send
        self._reading = Reading(rules.taxonomy)
        self._find = find
        self._page = page
        self._known: dict[tuple[Environment, str], Entered] = {}
        self._changed: dict[tuple[Environment, str], tuple[int, Event]] = {}

    def read(self, findings: Iterable[Finding]) -> None:
        """Look up at once which events of the batch are entered already."""
        keys: dict[Environment, list[str]] = {}
        for event in (event for finding in findings for event in finding.events):
            keys.setdefault(event.environment, []).append(event.key)
        for environment, wanted in keys.items():
            self._known |= {(environment, key): known for key, known in self._find(environment, wanted).items()}

    def correct(self, seq: int, findings: Sequence[Finding]) -> Corrected:
        """What a notification's findings lead to, after `read`. `seq` is the notification's place in the ledger.

        Raises Conflict when another notification of the batch, which says something else, changes the same event: the
        ledger has to have written that one first.
        """
        placed = [[self._place(seq, finding, event) for event in finding.events] for finding in findings]
        every = [one for row in placed for one in row]
        new = [event for one in every for event in one.new]
        needless = self._needless_links(new)
        return Corrected(
            [_with(finding, row, needless) for finding, row in zip(findings, placed, strict=True)],
            frozenset(one.events[0].key for one in every if one.anew),
            [event for event in new if event.key not in needless],
        )

    def _needless_links(self, new: Sequence[Event]) -> set[str]:
        """Keys of events that only join two ids which another new event of the notification joins as well."""
        links = [event for event in new if event.name == USER_LINKED]
        others = [self._reading.statement(event).ids for event in new if event.name != USER_LINKED] if links else []
        return {link.key for link in links if self._reading.statement(link).ids in others}

    def _place(self, seq: int, finding: Finding, event: Event) -> _Placed:
        place = (event.environment, event.key)
        if place in self._changed:
            by, change = self._changed[place]
            if by != seq and self._says_else(change, event):
                raise Conflict(event.key)
            return _Placed([event])
        placed = self._beside(seq, finding, event, self._known.get(place))
        if placed.new:
            self._changed[place] = (seq, event)
        return placed

    def _beside(self, seq: int, finding: Finding, event: Event, known: Entered | None) -> _Placed:
        if known is None:
            return _Placed([event], new=[event])
        further = self._unsent if known.may_change else self._sent
        return further(seq, finding, event, known)

    def _says_else(self, one: Event, other: Event) -> bool:
        first, second = self._reading.statement(one), self._reading.statement(other)
        return (first.amounts, first.rank, first.ids) != (second.amounts, second.rank, second.ids) or bool(
            otherwise(first, second)
        )

    def _unsent(self, seq: int, finding: Finding, event: Event, known: Entered) -> _Placed:
        """The better one stands. A refused event may have been corrected while it was in doubt."""
        refused = known.state == "dead"
        if not self._may_replace(seq, event, known):
            note = self._note("entered otherwise before", known, event, [known])
            link = self._link(seq, finding, event, [known])
            again = [as_entered(known)]
            return _Placed([*again, *link.events], [*(again if refused else []), *link.new], note=note)
        event = self._reading.keeping_the_link(event, known)
        changes = refused or event.body != known.body
        told = self._told(known)
        more = self._corrections(seq, event, told, event) if told.corrections else []
        return _Placed([event, *more], [event, *more] if changes else more, anew=changes and not refused)

    def _may_replace(self, seq: int, event: Event, known: Entered) -> bool:
        rank, rank_known = self._reading.statement(event).rank, self._reading.statement(known).rank
        same_again = known.notification == seq or known.state == "dead"
        return rank > rank_known or (same_again and rank == rank_known)

    def _sent(self, seq: int, finding: Finding, event: Event, known: Entered) -> _Placed:
        """What FloKit may have stays there: what is missing is sent beside it."""
        told = self._told(known)
        own = [as_entered(one) for one in told.corrections if one.notification == seq]
        more = self._corrections(seq, event, told, known)
        link = _Placed([]) if more else self._link(seq, finding, event, told.all)
        note = self._note("FloKit has it otherwise, and cannot take it back", known, event, [*told.all, *more])
        return _Placed([event, *own, *more, *link.events], new=[*more, *link.new], note=note)

    def _corrections(self, seq: int, event: Event, told: Told, stands: Event | Entered) -> list[Event]:
        """What brings the sum of all that FloKit gets of a fact to what is known now; `stands` is its own event."""
        if not self._sends_corrections:
            return []
        stated = self._reading.statement(event)
        last = self._reading.statement(told.last)
        aim = stated.amounts if self._has_last_word(seq, stated, told.last, last) else total(told.all)
        missing = difference(total([stands, *told.corrections]), aim)
        if missing:
            self._page.write({_subject(told.event): {"corrections": told.noted + len(missing)}})
        reason = "mapped_again" if last.sureness == stated.sureness else f"amount_{stated.sureness.name.lower()}"
        made = [
            self._reading.correction(event, key, money, reason, beside_none=not last.amounts)
            for key, money in zip(told.free_keys(), missing, strict=False)
        ]
        refused = {one.key: one for one in told.refused}
        return [self._reading.keeping_the_link(one, refused[one.key]) if one.key in refused else one for one in made]

    def _has_last_word(self, seq: int, stated: Statement, last_event: Entered, last: Statement) -> bool:
        own_again = last_event.notification == seq and bool(stated.amounts)
        return stated.sureness > last.sureness or (own_again and stated.sureness == last.sureness)

    def _link(self, seq: int, finding: Finding, event: Event, told: Sequence[Entered]) -> _Placed:
        """The event with both ids, where this one has them and nothing told has."""
        joined = any(self._joins(one) for one in told)
        link = self._rules.link(finding.facts) if self._joins(event) and not joined else None
        if link is None:
            return _Placed([])
        known = self._find(link.environment, [link.key]).get(link.key)
        if known is None or known.state == "dead":
            return _Placed([link], new=[link])
        return _Placed([as_entered(known)] if known.notification == seq else [])

    def _joins(self, event: Event | Entered) -> bool:
        return len(self._reading.statement(event).ids) > 1

    def _told(self, known: Entered) -> Told:
        """A fact with its corrections. Memory is read first: who corrects the same fact meanwhile is then noticed."""
        noted: int = self._page.read(_subject(known)).get("corrections", 0)
        corrections: list[Entered] = []
        while True:
            key = correction_key(known.key, len(corrections) + 1)
            found = self._find(known.environment, [key]).get(key)
            if found is None:
                return Told(known, corrections, noted)
            corrections.append(found)

    def _note(self, lead: str, known: Entered, event: Event, told: Sequence[Entered | Event]) -> str:
        """The names of what was told otherwise: names only, for the note goes to the log."""
        stated = self._reading.statement(event)
        money = bool(stated.amounts) and bool(difference(total(told), stated.amounts))
        names = [*(["revenue"] if money else []), *otherwise(self._reading.statement(known), stated)]
        return f"{lead}: {', '.join(names)}" if names else ""


def _with(finding: Finding, placed: Sequence[_Placed], without: Collection[str]) -> Finding:
    events = [event for one in placed for event in one.events if event.key not in without]
    reason = "; ".join(text for text in (finding.reason, *(one.note for one in placed)) if text)
    return replace(finding, events=events, reason=reason)


def _subject(known: Entered) -> str:
    return f"bridge:corrections:{known.environment}/{known.key}"
