"""A story: webhooks in the order in which they arrive, and what each does to the money, as the story itself says."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from bridge.standins.workspace import Totals


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook: what it means in a sentence, when it was made, how often it arrives (`repeats`, at least once).

    `money` is what it moves, in major units of `currency`: positive came in, negative went back, 0 moves nothing new.
    `given_back` is what goes back by the same webhook (Apple's upgrades), without a sign.
    `is_return` marks money that comes back after it was given back: a dispute won, a refund that failed.
    """

    sentence: str
    type: str
    at_ms: int
    body: bytes = field(repr=False)
    repeats: int = 1
    money: Decimal = Decimal(0)
    currency: str = ""
    is_return: bool = False
    given_back: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Story:
    """Webhooks in the order in which they arrive."""

    deliveries: tuple[Delivery, ...]

    @property
    def totals(self) -> dict[str, Totals]:
        """All money of the story by currency."""
        return totals(self.deliveries)


def totals(deliveries: Iterable[Delivery]) -> dict[str, Totals]:
    """The money of some deliveries by currency: what was sold, and what was given back less what returned of it."""
    found: defaultdict[str, Totals] = defaultdict(Totals)
    for delivery in deliveries:
        if delivery.money < 0 or delivery.is_return:
            found[delivery.currency].given_back -= delivery.money
        elif delivery.money:
            found[delivery.currency].sold += delivery.money
        if delivery.given_back:
            found[delivery.currency].given_back += delivery.given_back
    return dict(found)
