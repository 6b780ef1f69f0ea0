"""What all Stripe facts share: the event around the object, and how times and amounts are read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bridge.errors import BadNotification, NeedsAnswer
from bridge.sources.base import Memory
from bridge.sources.stripe import currencies
from bridge.values.money import Basis, Money
from bridge.values.reader import Reader
from bridge.values.records import Document, Notification
from bridge.values.times import LATEST_MS


@dataclass(frozen=True, slots=True)
class Context:
    """One Stripe event while its facts are stated.

    `object` is `data.object`, `before` is `data.previous_attributes` (it lists changed fields only, with their old
    values), `memory` sees this Stripe account's subjects, `base` is what every fact of the event repeats, `answers` is
    what Stripe's API said, by question.
    """

    event: Reader
    object: Reader
    before: Reader
    memory: Memory
    base: Document
    answers: Mapping[str, Any] = field(default_factory=dict)
    asks: bool = False

    def fact(self, word: str, *, at: int | None = None, **more: Any) -> Document:
        """One facts document: `word` says what happened, `at` when (epoch seconds; default: the event's own time)."""
        facts = {**self.base, "fact": word, **{name: value for name, value in more.items() if value not in (None, {})}}
        if "account" in facts and "subjects" in facts:
            facts["subjects"] = [of_account(facts["account"], subject) for subject in facts["subjects"]]
        if at is not None:
            facts["occurred_at_ms"] = milliseconds(at)
        return facts

    def answer(self, kind: str, ident: str) -> Reader:
        """What Stripe's API says of an id; nothing when no key is set or Stripe has no answer. Raises NeedsAnswer."""
        account = self.base.get("account")
        question = f"{kind}:{account}/{ident}" if account else f"{kind}:{ident}"
        if self.asks and question not in self.answers:
            raise NeedsAnswer(question)
        return Reader(self.answers.get(question) or {}, question)

    @property
    def created(self) -> int:
        """When the event was made, epoch seconds."""
        return int(self.base["occurred_at_ms"]) // 1_000


def of_account(account: str, subject: str) -> str:
    """What the ledger files a connected account's subject under: apart from the same id at another account."""
    return f"{account}/{subject}"


def base_facts(event: Reader, notification: Notification) -> Document:
    """The facts that any event states, whatever it is about."""
    account = event.identifier("account", "context")
    facts: Document = {
        "source": "stripe",
        "store": "stripe",
        "platform": "web",
        "type": notification.type,
        "environment": str(notification.environment),
        "notification_id": notification.id,
        "occurred_at_ms": notification.occurred_at_ms,
        "received_at_ms": notification.received_at_ms,
        # Only the first ten characters are a date: "2025-11-17.clover;managed_payments_preview=v1".
        "api_version": (event.text("api_version") or "")[:10],
    }
    if account:
        # A Connect platform hears of many accounts on one URL; their ids are kept apart by the account's.
        facts |= {"account": account, "key_prefix": account}
    return facts


def milliseconds(seconds: int) -> int:
    """Epoch seconds as milliseconds. Raises BadNotification outside the years 1970 to 9999."""
    if not 0 <= seconds * 1_000 <= LATEST_MS:
        raise BadNotification("a time is outside the years 1970 to 9999")
    return seconds * 1_000


def milliseconds_or_none(seconds: int | None) -> int | None:
    """The same for a time that may be absent."""
    return None if seconds is None else milliseconds(seconds)


def money_of(units: int, currency: str, source: str, *, basis: Basis = Basis.EXACT) -> Document:
    """An amount as facts state it; `source` is the field it came from."""
    money = amount_of(units, currency)
    return {"amount": money.amount, "currency": money.currency, "basis": str(basis), "source": source}


def amount_of(units: int, currency: str) -> Money:
    """An amount in major units. Raises BadNotification for a negative one or a currency that is no code."""
    if units < 0:
        raise BadNotification("an amount is negative where Stripe states how much was paid or given back")
    try:
        return currencies.money(units, currency)
    except ValueError as error:
        raise BadNotification(str(error)) from None


def needed(value: Any, where: str) -> Any:
    """The value, or BadNotification naming the field that is missing."""
    if value is None:
        raise BadNotification(f"{where} is missing")
    return value
