"""Writes a story at Google: what happens to purchases, what is published of it, and what the Play API shows by then."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from decimal import Decimal

from bridge.sources.google.push import kind
from bridge.standins.clock import MovableClock
from bridge.standins.google_play import Key, Play
from bridge.stories.story import Delivery
from bridge.values import jsontext
from bridge.values.records import Document

PACKAGE = "com.example.app"


@dataclass(frozen=True, slots=True)
class Scene:
    """What the Play Developer API shows from `at_ms` on (epoch milliseconds)."""

    at_ms: int
    subscriptions: Mapping[Key, Document] = field(repr=False)
    one_time_purchases: Mapping[Key, Document] = field(repr=False)
    orders: Mapping[Key, Document] = field(repr=False)


class Book:
    """A stand-in store on a clock of its own. `scenes` are in order of time, whatever the order of arrival."""

    def __init__(self, start_ms: int) -> None:
        self.clock = MovableClock(start_ms)
        self.play = Play(self.clock)
        self.scenes: list[Scene] = []

    def show(self) -> None:
        """From now on the Play API shows the store as it stands."""
        kept = (self.play.subscriptions, self.play.one_time_purchases, self.play.orders)
        self.scenes.append(Scene(self.clock(), *(deepcopy(documents) for documents in kept)))

    def tell(  # noqa: PLR0913 - what a delivery says
        self,
        sentence: str,
        notification: Document,
        *,
        repeats: int = 1,
        money: str = "0",
        currency: str = "USD",
        given_back: str = "0",
    ) -> Delivery:
        """What is published now, after which the Play API shows the store as it stands."""
        self.show()
        return Delivery(
            sentence,
            kind(notification),
            self.clock(),
            jsontext.dumps(notification),
            repeats,
            Decimal(money),
            currency,
            given_back=Decimal(given_back),
        )
