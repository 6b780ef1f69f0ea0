"""Random subscriptions at Apple with all that can happen to their money, and what is kept of each transaction, reckoned
by itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from bridge.stories.apple_subscriber import WEEK_MS, Plan, Subscriber
from bridge.values.records import Document
from bridge.values.times import DAY_MS, HOUR_MS, SECOND_MS

BEGINNING_MS = 1_780_300_800_000  # 2026-06-01T08:00:00Z
CURRENCIES = {"USD": 10, "JPY": 100_000, "KWD": 5}  # with the least step of a price, in milliunits
SHARES = (None, 100_000, 40_000, 67_932, 15)
Draw = Any
"""Hypothesis's `draw`: its type is not exported."""


@dataclass
class Life:
    """One subscription: the notifications that tell of it, in the order in which Apple made them.

    `kept` is what is kept of each transaction, in milliunits.
    """

    who: Subscriber
    currency: str
    told: list[Document] = field(default_factory=list)
    kept: dict[str, int] = field(default_factory=dict)

    @property
    def kept_in_major_units(self) -> Mapping[str, Decimal]:
        """What is kept of each transaction that moved money."""
        return {ident: Decimal(units).scaleb(-3) for ident, units in self.kept.items()}

    def tell(
        self, kind: str, at_ms: int, transaction: Document, subtype: str | None = None, *, on: bool = True
    ) -> None:
        """A notification about a transaction."""
        plan = Plan(transaction["productId"], transaction["price"], self.currency)
        renewal = self.who.renewal(plan, transaction, on=on)
        self.told.append(self.who.notify(kind, at_ms, transaction, subtype=subtype, renewal=renewal))


@st.composite
def lives(draw: Draw) -> list[Life]:
    """One or two subscriptions."""
    return [draw(_life(2_000_000_800_000_001 + 1_000 * number)) for number in range(draw(st.integers(1, 2)))]


@st.composite
def _life(draw: Draw, number: int) -> Life:
    currency = draw(st.sampled_from(sorted(CURRENCIES)))
    user = draw(st.sampled_from([None, "7e3fb204-2cd5-4e1c-8b5f-6a1f0c1d2e3f"]))
    life = Life(Subscriber(number, user, BEGINNING_MS), currency)
    at_ms, transaction = _begin(draw, life)
    for n in range(1, draw(st.integers(1, 5))):
        at_ms, transaction = draw(st.sampled_from([_renew, _renew, _upgrade, _crossgrade]))(draw, life, n, transaction)
        if draw(st.booleans()):
            _refunds(draw, life, transaction, at_ms)
        if draw(st.booleans()):
            _repeat_the_price(draw, life, transaction, at_ms)
    return life


def _plan(draw: Draw, life: Life) -> Plan:
    name = draw(st.sampled_from(["lite", "pro", "team"]))
    return Plan(f"com.example.app.{name}", draw(st.integers(1, 9_999)) * CURRENCIES[life.currency], life.currency)


def _begin(draw: Draw, life: Life) -> tuple[int, Document]:
    plan = _plan(draw, life)
    first = life.who.trial(plan, WEEK_MS) if draw(st.booleans()) else life.who.transaction(0, plan, BEGINNING_MS)
    life.tell("SUBSCRIBED", BEGINNING_MS + SECOND_MS, first, "INITIAL_BUY")
    life.kept[first["transactionId"]] = first["price"]
    return BEGINNING_MS, first


def _renew(draw: Draw, life: Life, n: int, last: Document) -> tuple[int, Document]:
    at_ms = last["expiresDate"]
    recovered_ms = draw(st.sampled_from([0, 0, 3 * DAY_MS]))
    period = life.who.transaction(n, _plan(draw, life), at_ms + recovered_ms)
    signed_ms = at_ms + recovered_ms + SECOND_MS if recovered_ms else at_ms - HOUR_MS
    life.tell("DID_RENEW", signed_ms, period, "BILLING_RECOVERY" if recovered_ms else None)
    life.kept[period["transactionId"]] = period["price"]
    return at_ms + recovered_ms, period


def _upgrade(draw: Draw, life: Life, n: int, last: Document) -> tuple[int, Document]:
    return _change(draw, life, n, last, "UPGRADE")


def _crossgrade(draw: Draw, life: Life, n: int, last: Document) -> tuple[int, Document]:
    return _change(draw, life, n, last, None)


def _change(draw: Draw, life: Life, n: int, last: Document, subtype: str | None) -> tuple[int, Document]:
    """At once, a part of the way through the last period; the rest of it goes back."""
    whole_ms = last["expiresDate"] - last["purchaseDate"]
    left_ms = whole_ms * draw(st.integers(1, 9)) // 10
    at_ms = last["expiresDate"] - left_ms
    period = life.who.transaction(n, _plan(draw, life), at_ms, transactionReason="PURCHASE")
    life.tell("DID_CHANGE_RENEWAL_PREF", at_ms + SECOND_MS, period, subtype)
    life.kept[period["transactionId"]] = period["price"]
    if last["transactionId"] not in _refunded(life):
        life.kept[last["transactionId"]] -= _rounded(Decimal(last["price"]) * left_ms / whole_ms)
    return at_ms, period


def _refunds(draw: Draw, life: Life, transaction: Document, at_ms: int) -> None:
    """Refunded, perhaps reversed, perhaps refunded again: what is in effect at the end is gone."""
    gone = 0
    for number in range(draw(st.integers(1, 3))):
        share = draw(st.sampled_from(SHARES))
        refunded_ms = at_ms + (1 + 4 * number) * DAY_MS
        told = {} if share is None else {"revocationPercentage": share, "revocationType": "REFUND_PRORATED"}
        life.tell("REFUND", refunded_ms + SECOND_MS, {**transaction, "revocationDate": refunded_ms, **told})
        gone = _rounded(Decimal(transaction["price"]) * (100_000 if share is None else share) / 100_000)
        if draw(st.booleans()):
            life.tell("REFUND_REVERSED", refunded_ms + 2 * DAY_MS, transaction)
            gone = 0
    life.kept[transaction["transactionId"]] = transaction["price"] - gone


def _repeat_the_price(draw: Draw, life: Life, transaction: Document, at_ms: int) -> None:
    """Most notifications repeat the newest transaction with its price, and move nothing."""
    kinds = [
        ("DID_CHANGE_RENEWAL_STATUS", "AUTO_RENEW_DISABLED"),
        ("DID_CHANGE_RENEWAL_STATUS", "AUTO_RENEW_ENABLED"),
        ("DID_CHANGE_RENEWAL_PREF", "DOWNGRADE"),
        ("DID_CHANGE_RENEWAL_PREF", None),
        ("OFFER_REDEEMED", None),
        ("CONSUMPTION_REQUEST", None),
        ("REFUND_DECLINED", None),
        ("PRICE_INCREASE", "PENDING"),
        ("DID_FAIL_TO_RENEW", "GRACE_PERIOD"),
        ("EXPIRED", "VOLUNTARY"),
    ]
    kind, subtype = draw(st.sampled_from(kinds))
    life.tell(kind, at_ms + 5 * HOUR_MS, transaction, subtype, on=draw(st.booleans()))


def _refunded(life: Life) -> set[str]:
    return {
        told["data"]["signedTransactionInfo"]["transactionId"]
        for told in life.told
        if told["notificationType"] == "REFUND"
    }


def _rounded(milliunits: Decimal) -> int:
    return round(milliunits)
