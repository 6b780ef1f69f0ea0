"""A loaded mapping: facts in, finding out."""

from collections.abc import Sequence
from dataclasses import dataclass

from bridge.mapping.drafts import Draft, draft
from bridge.mapping.fields import UnusableError
from bridge.mapping.index import RuleIndex
from bridge.mapping.links import link
from bridge.mapping.paths import shown
from bridge.mapping.rules import Emission, Rule
from bridge.mapping.taxonomy import Taxonomy
from bridge.mapping.users import UserRules
from bridge.values.records import Document, Event, Finding, Outcome


@dataclass(frozen=True, slots=True)
class PassedOver:
    """An enabled rule above the one that was taken, and the first reason it did not fit."""

    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a fact became what it became.

    `looked_at` lists the paths of the user id, in order, with what was there; `user_origin` is the path that won,
    `origins` the path of each property (empty for a constant), by the bridge's own names.
    """

    finding: Finding
    passed_over: Sequence[PassedOver]
    looked_at: Sequence[tuple[str, str]]
    user_origin: str
    origins: dict[str, str]


class Mapping:
    """The rules of one source. Made by `load`, which checks everything; `apply` only decides."""

    def __init__(self, source: str, rules: Sequence[Rule], users: UserRules, taxonomy: Taxonomy) -> None:
        self.source = source
        self.rules = tuple(rules)
        self.users = users
        self.taxonomy = taxonomy
        self._enabled = tuple(rule for rule in self.rules if rule.enabled)
        self._index = RuleIndex(self._enabled)

    def apply(self, facts: Document) -> Finding:
        """What one stated fact becomes: events, or the reason there are none. Never raises for any document."""
        return self._decide(facts)[0]

    def explain(self, facts: Document) -> Explanation:
        """The same decision with its reasons, for people."""
        finding, made = self._decide(facts)
        found = (made.user.user_id or made.user.anonymous_id) if made else None
        return Explanation(
            finding=finding,
            passed_over=self._passed_over(facts),
            looked_at=list(self.users.looked_at(facts)),
            user_origin=found.origin if found else "",
            origins={key: value.origin for key, value in made.properties.items()} if made else {},
        )

    def link(self, facts: Document) -> Event | None:
        """An event that joins what was sent under an anonymous id to its user, if the facts name both; else None."""
        return link(facts, self.users, self.taxonomy)

    def _decide(self, facts: Document) -> tuple[Finding, Draft | None]:
        rule = self._take(facts)
        if rule is None:
            return Finding(Outcome.UNMAPPED, f"no rule for the type {shown(facts.get('type'))}", facts=facts), None
        if rule.emission is None:
            return self._ignored(rule.reason, rule, facts), None
        return self._emit(rule, rule.emission, facts)

    def _emit(self, rule: Rule, emission: Emission, facts: Document) -> tuple[Finding, Draft | None]:
        event = emission.event
        if not event.send:
            reason = f"{event.key} is off (taxonomy.toml: events.{event.key}.send)"
            return self._ignored(reason, rule, facts), None
        try:
            made = draft(emission, facts, self.users, self.taxonomy)
        except UnusableError as error:
            return Finding(Outcome.FAILED, str(error), rule.name, facts), None
        return Finding(Outcome.MAPPED, "", rule.name, facts, (made.event,)), made

    def _ignored(self, reason: str, rule: Rule, facts: Document) -> Finding:
        """No event of its own; it may tell whose all the earlier ones are."""
        linked = self.link(facts)
        return Finding(Outcome.IGNORED, reason, rule.name, facts, (linked,) if linked else ())

    def _take(self, facts: Document) -> Rule | None:
        return next((rule for rule in self._index.candidates(facts) if rule.misfit(facts) is None), None)

    def _passed_over(self, facts: Document) -> list[PassedOver]:
        passed = []
        for rule in self._enabled:
            condition = rule.misfit(facts)
            if condition is None:
                break
            passed.append(PassedOver(rule.name, condition.misfit(facts)))
        return passed
