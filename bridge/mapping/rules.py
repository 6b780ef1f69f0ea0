"""A rule: when it fits, and what it makes of the facts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.mapping.fields import Field
from bridge.mapping.paths import FactPath, shown
from bridge.mapping.scalars import same
from bridge.mapping.taxonomy import EventSpec
from bridge.values.records import Document

Scalar = Any
"""A text, true or false, or a number."""


@dataclass(frozen=True, slots=True)
class Condition:
    """The value at a path has to be one of those wanted."""

    path: FactPath
    wanted: tuple[Scalar, ...]

    def fits(self, facts: Document) -> bool:
        """Whether the facts meet it."""
        value = self.path.read(facts)
        return any(same(value, wanted) for wanted in self.wanted)

    def misfit(self, facts: Document) -> str:
        """Why the facts do not meet it."""
        some_of = "one of " if len(self.wanted) > 1 else ""
        found = shown(self.path.read(facts))
        return f"{self.path.text} is {found}, wanted {some_of}{', '.join(map(shown, self.wanted))}"

    def covers(self, other: "Condition") -> bool:
        """Whether all that meets the other one meets this one."""
        return self.path.parts == other.path.parts and all(
            any(same(value, wanted) for wanted in self.wanted) for value in other.wanted
        )


@dataclass(frozen=True, slots=True)
class Emission:
    """How the event of a rule is made."""

    event: EventSpec
    fields: Mapping[str, Field]
    needs: tuple[str, ...]
    timestamp: FactPath
    money: FactPath
    subject: tuple[FactPath, ...]
    which: FactPath


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of a mapping: it emits an event, or ignores with a reason."""

    number: int
    name: str
    conditions: tuple[Condition, ...]
    enabled: bool
    emission: Emission | None
    reason: str = ""

    def misfit(self, facts: Document) -> Condition | None:
        """The first condition that the facts do not meet; None when the rule fits."""
        for condition in self.conditions:
            if not condition.fits(facts):
                return condition
        return None

    def covers(self, other: "Rule") -> bool:
        """Whether all that fits the other rule fits this one."""
        return all(any(mine.covers(its) for its in other.conditions) for mine in self.conditions)

    def words_at(self, path: FactPath) -> frozenset[str] | None:
        """The texts it wants at a path; None when it would also take other values there."""
        for condition in self.conditions:
            if condition.path.parts == path.parts and all(isinstance(word, str) for word in condition.wanted):
                return frozenset(condition.wanted)
        return None
