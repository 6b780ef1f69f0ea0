"""One subscriber at Stripe: the events of one subscription, with ids that fit together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bridge.stories.story import Delivery
from bridge.stories.stripe_invoices import invoice, line
from bridge.stories.stripe_objects import MONTH_S, Price, event
from bridge.stories.stripe_payments import charge, dispute, refund
from bridge.stories.stripe_subscriptions import item, subscription
from bridge.stories.stripe_versions import Generation
from bridge.values import jsontext
from bridge.values.records import Document
from bridge.values.times import SECOND_MS


@dataclass(frozen=True, slots=True)
class Subscriber:
    """`name` is in every id; `user` is the app's own id, put into the subscription's metadata as Stripe's guides show.

    `start` is when the subscription began, epoch seconds. Invoices have numbers; number 2 is `in_<name>2`, paid with
    `pi_<name>2` and `ch_<name>2`.
    """

    name: str
    user: str
    generation: Generation
    start: int
    trial_s: int = 0

    @property
    def id(self) -> str:
        """The subscription's."""
        return f"sub_{self.name}"

    @property
    def customer(self) -> str:
        """The customer's id."""
        return f"cus_{self.name}"

    def event(self, kind: str, thing: Document, at: int, previous: Mapping[str, Any] | None = None) -> Document:
        """An event of epoch second `at` around any object; its id is made of what it is about."""
        ident = f"evt_{self.name}_{kind.replace('.', '_')}_{at - self.start}"
        return event(kind, thing, id=ident, created=at, generation=self.generation, previous=previous)

    def subscription(self, price: Price, period_start: int, **fields: Any) -> Document:
        """The subscription while `price` is on it."""
        trial = (self.start, self.start + self.trial_s) if self.trial_s else None
        end = trial[1] if trial and period_start < trial[1] else period_start + MONTH_S
        made: Document = {"created": self.start, "start_date": self.start, "metadata": {"user_id": self.user}}
        return subscription(
            self.id,
            [self.item(price, (period_start, end))],
            customer=self.customer,
            period=(period_start, end),
            trial=trial,
            generation=self.generation,
            **made | fields,
        )

    def item(self, price: Price, period: tuple[int, int]) -> Document:
        """The subscription's only item."""
        return item(f"si_{self.name}", price, subscription=self.id, period=period, generation=self.generation)

    def line(self, price: Price, start: int, amount: int | None = None, *, proration: bool = False) -> Document:
        """An invoice line for a month from `start`."""
        return line(
            price,
            period=(start, start + MONTH_S),
            amount=amount,
            subscription=self.id,
            item=f"si_{self.name}",
            proration=proration,
            generation=self.generation,
        )

    def invoice(self, number: int, lines: Sequence[Document], at: int, reason: str, **fields: Any) -> Document:
        """Invoice `number`, paid at epoch second `at`."""
        return invoice(
            f"in_{self.name}{number}",
            lines,
            customer=self.customer,
            created=at,
            reason=reason,
            subscription=self.id,
            metadata={"user_id": self.user},
            payment=f"pi_{self.name}{number}",
            generation=self.generation,
            **fields,
        )

    def charge(self, number: int, amount: int, at: int, *, refunded: int, currency: str) -> Document:
        """The charge of invoice `number`, with what has been refunded of it so far."""
        return charge(
            f"ch_{self.name}{number}",
            amount,
            payment=f"pi_{self.name}{number}",
            created=at,
            currency=currency,
            customer=self.customer,
            invoice=f"in_{self.name}{number}",
            refunded=refunded,
            generation=self.generation,
        )

    def refund(self, number: int, amount: int, at: int, currency: str) -> Document:
        """A refund on the charge of invoice `number`."""
        return refund(
            f"re_{self.name}{number}",
            amount,
            charge=f"ch_{self.name}{number}",
            payment=f"pi_{self.name}{number}",
            created=at,
            currency=currency,
            generation=self.generation,
        )

    def dispute(self, number: int, amount: int, at: int, currency: str, **fields: Any) -> Document:
        """A dispute of the charge of invoice `number`; give `status` and `moves`."""
        return dispute(
            f"du_{self.name}{number}",
            amount,
            charge=f"ch_{self.name}{number}",
            payment=f"pi_{self.name}{number}",
            created=at,
            currency=currency,
            **fields,
        )


def told(  # noqa: PLR0913 - what a delivery says
    sentence: str,
    event: Document,
    *,
    repeats: int = 1,
    money: str = "0",
    currency: str = "USD",
    is_return: bool = False,
) -> Delivery:
    """A delivery of an event; `money` is a decimal text such as "-30.00"."""
    at_ms = event["created"] * SECOND_MS
    return Delivery(sentence, event["type"], at_ms, jsontext.dumps(event), repeats, Decimal(money), currency, is_return)
