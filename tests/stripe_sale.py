"""One sale at Stripe in a test: what tells of it, and what moved, reckoned by itself."""

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from bridge.stories.stripe_objects import event
from bridge.stories.stripe_versions import Generation
from bridge.values.records import Document

BEGINNING_S = 1_780_272_000  # 2026-06-01
DECIMALS = {"usd": 2, "jpy": 0, "kwd": 3, "isk": 2}
Draw = Any
"""Hypothesis's `draw`: its type is not exported."""


@dataclass
class Sale:
    """One payment: the events that tell of it, and the amounts that moved, in minor units (negative: went back)."""

    name: str
    currency: str
    paid: int
    at: int
    one_off: bool
    generations: tuple[Generation, ...]
    told: list[Document] = field(default_factory=list)
    moved: list[int] = field(default_factory=list)

    @property
    def transactions(self) -> set[str]:
        """What events about it may name as their sale: a refund that comes before any link names the payment."""
        return {f"in_{self.name}", f"pi_{self.name}"}

    @property
    def amounts(self) -> Counter[Decimal]:
        """The amounts that moved, in major units."""
        return Counter(Decimal(units).scaleb(-DECIMALS[self.currency]) for units in self.moved)

    def tell(self, draw: Draw, kind: str, at: int, thing: Any, previous: Document | None = None) -> None:
        """An event in one of the generations; `thing` is a document or makes one for a generation."""
        generation = draw(st.sampled_from(self.generations))
        about = thing(generation) if callable(thing) else thing
        ident = f"evt_{self.name}_{len(self.told)}"
        self.told.append(event(kind, about, id=ident, created=at, generation=generation, previous=previous))
