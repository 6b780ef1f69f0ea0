"""Sums and keys of corrections: what FloKit was told of one fact, and what is missing from what is known now."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import count

from bridge.ledger.views import Entered
from bridge.values.money import Money
from bridge.values.records import Event


@dataclass(frozen=True, slots=True)
class Told:
    """One fact as FloKit was told of it: its event, and `every` correction since.

    `noted` is how many corrections memory has counted.
    """

    event: Entered
    every: Sequence[Entered]
    noted: int

    @property
    def corrections(self) -> list[Entered]:
        """Those that FloKit did not refuse."""
        return [one for one in self.every if one.state != "dead"]

    @property
    def refused(self) -> list[Entered]:
        """Those that it did."""
        return [one for one in self.every if one.state == "dead"]

    @property
    def all(self) -> list[Entered]:
        """The event and what corrects it."""
        return [self.event, *self.corrections]

    @property
    def last(self) -> Entered:
        """The one with the last word."""
        return self.all[-1]

    def free_keys(self) -> Iterator[str]:
        """Keys for further corrections, without end; that of a refused one is used again."""
        yield from (one.key for one in self.refused)
        yield from (correction_key(self.event.key, number) for number in count(len(self.every) + 1))


def correction_key(key: str, number: int) -> str:
    """The key of an event's first, second, … correction."""
    return f"{key}:corrected:{number}"


def total(events: Iterable[Event | Entered]) -> dict[str, Decimal]:
    """What events come to, by currency."""
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for event in events:
        if event.revenue is not None:
            sums[event.currency or ""] += event.revenue
    return dict(sums)


def difference(told: Mapping[str, Decimal], aim: Mapping[str, Decimal]) -> list[Money]:
    """What leads from one sum to another: what is taken back first. An amount in a wrong currency goes back whole."""
    missing = [
        Money(aim.get(currency, Decimal(0)) - told.get(currency, Decimal(0)), currency) for currency in {*told, *aim}
    ]
    return sorted((money for money in missing if money.amount), key=lambda money: (money.amount, money.currency))


def as_entered(known: Entered) -> Event:
    """An entered event as it stands."""
    return Event(
        known.name, known.key, known.environment, known.occurred_at_ms, known.body, known.revenue, known.currency
    )
