"""What an event says, be it entered or new: so that two events about one fact can be compared, and one corrected."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import IntEnum
from typing import Any

from bridge.ledger.views import Entered
from bridge.mapping.taxonomy import CORRECTION_PROPERTIES, MONEY_PROPERTIES, REVENUE_CORRECTED, Taxonomy
from bridge.values import jsontext
from bridge.values.money import Basis, Money
from bridge.values.records import Document, Event

_OF_THE_NOTIFICATION = ("notification_id", "notification_type", "received_at")  # two of one fact differ in these
_OF_THE_WHOLE = ("refund_amount", "tax", "net_revenue")


class Sureness(IntEnum):
    """How well an amount is known."""

    UNKNOWN = 0
    ESTIMATED = 1
    EXACT = 2


@dataclass(frozen=True, slots=True)
class Statement:
    """One event read back.

    `amounts` is its signed amount by currency, `ids` are user_id and anonymous_id as far as it has them, `properties`
    go by the bridge's own names. Of an event whose body was forgotten the last two are empty, and its amount counts as
    exact.
    """

    name: str
    amounts: Mapping[str, Decimal]
    sureness: Sureness
    ids: Mapping[str, str]
    properties: Document

    @property
    def rank(self) -> tuple[Sureness, bool]:
        """The better of two is surer about the money; of equally sure ones it is that which knows the user."""
        return self.sureness, "user_id" in self.ids


class Reading:
    """Reads and corrects events by the names that the taxonomy sends."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        self._spec = taxonomy.events[REVENUE_CORRECTED]
        self._sent_names = taxonomy.sent_names
        self._own_names = {name: key for key, name in taxonomy.sent_names.items()}

    def statement(self, event: Event | Entered) -> Statement:
        """What it says."""
        body: Document = jsontext.loads(event.body) if event.body else {}
        properties = {self._own_names.get(name, name): value for name, value in body.get("properties", {}).items()}
        ids = {key: body[name] for key in ("user_id", "anonymous_id") if (name := self._sent_names[key]) in body}
        amounts = {} if event.revenue is None else {event.currency or "": event.revenue}
        return Statement(event.name, amounts, _sureness(event.revenue, properties), ids, properties)

    def keeping_the_link(self, event: Event, known: Entered) -> Event:
        """The event that takes the place of an unsent one: where that one joins an anonymous id to its user, so does
        this one, for nothing else will."""
        link = self.statement(known).ids
        if len(link) < 2 or self.statement(event).ids != {"user_id": link["user_id"]}:
            return event
        body: Document = jsontext.loads(event.body)
        ids = {self._sent_names[key]: link[key] for key in ("user_id", "anonymous_id")}
        return replace(event, body=jsontext.dumps({"event": body["event"], **ids, **body}))

    def correction(self, event: Event, key: str, money: Money, reason: str, *, beside_none: bool) -> Event:
        """The event that adds `money` to what was told of the same fact as `event`, at the time when it happened.

        It says all that `event` says, and so joins its user too; of the parts of the whole amount only when there was
        no amount before.
        """
        body: Document = jsontext.loads(event.body)
        left_out = {} if beside_none else {self._sent_names[name] for name in _OF_THE_WHOLE}
        properties = {name: value for name, value in body["properties"].items() if name not in left_out}
        own: dict[str, Any] = {
            "revenue": money.amount,
            "currency": money.currency,
            "corrects": event.key,
            "correction_reason": reason,
        }
        body["event"] = self._spec.name
        body["properties"] = properties | {self._sent_names[name]: value for name, value in own.items()}
        return Event(
            self._spec.key,
            key,
            event.environment,
            event.occurred_at_ms,
            jsontext.dumps(body),
            money.amount,
            money.currency,
        )


def otherwise(known: Statement, new: Statement) -> list[str]:
    """The names of what the new one says otherwise, money aside. What only one of them knows is no contradiction."""
    if not known.properties:
        return []
    aside = {*MONEY_PROPERTIES, *CORRECTION_PROPERTIES, *_OF_THE_NOTIFICATION}
    shared = (known.properties.keys() & new.properties.keys()) - aside
    names = sorted(name for name in shared if known.properties[name] != new.properties[name])
    users = {one.ids["user_id"] for one in (known, new) if "user_id" in one.ids}
    return [*(["event"] if known.name != new.name else []), *(["user_id"] if len(users) > 1 else []), *names]


def _sureness(revenue: Decimal | None, properties: Document) -> Sureness:
    if revenue is None:
        return Sureness.UNKNOWN
    return Sureness.ESTIMATED if properties.get("revenue_basis") == Basis.ESTIMATED else Sureness.EXACT
