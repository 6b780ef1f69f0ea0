"""Events that tell FloKit more about an earlier one, added to that one.

FloKit takes no event back. So what becomes known after an event has left, an amount or a user, is told in another
event; what becomes known before changes the event itself. Which of the two it is depends on how fast things go.
"""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from .truth import Fact

REVENUE_CORRECTED, USER_LINKED = "revenue_corrected", "user_linked"
_CORRECTION = ":corrected:"


def in_the_end(facts: Iterable[Fact]) -> list[Fact]:
    """What is told of each event in the end: its revenue with all corrections of it."""
    found = list(facts)
    more: defaultdict[str, Decimal] = defaultdict(Decimal)
    for fact in found:
        if fact.name == REVENUE_CORRECTED:
            more[fact.key.partition(_CORRECTION)[0]] += fact.revenue or 0
    return [
        fact._replace(revenue=_sum(fact.revenue, more.get(fact.key)))
        for fact in found
        if fact.name not in (REVENUE_CORRECTED, USER_LINKED)
    ]


def _sum(told: Decimal | None, more: Decimal | None) -> Decimal | None:
    return told if more is None else (told or 0) + more
